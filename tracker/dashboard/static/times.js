// Times in the zone of whoever looks. The server tells them in UTC, which stays where no script runs.

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const hours = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const thisDay = new Intl.DateTimeFormat(undefined, hours);
const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const thisYear = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const anyYear = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const steps = [["second", 1], ["minute", 60], ["hour", 3600], ["day", 86400]];

/** Spells every time under an element; what is told as a distance is kept right from then on. */
export function localise(root) {
  const times = root.querySelectorAll("time[datetime]");
  times.forEach(spell);
}

function spell(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  if (!time.title) time.title = full.format(at);
  const spelled = { ago: distance, clock: minute.format };
  const text = (spelled[time.dataset.as] ?? moment)(at);
  if (time.textContent !== text) time.textContent = text;
}

function moment(at) {
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return thisDay.format(at);
  return (at.getFullYear() === now.getFullYear() ? thisYear : anyYear).format(at);
}

function distance(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  const [unit, size] = steps.findLast(([, size]) => Math.abs(seconds) >= size) ?? steps[0];
  return relative.format(Math.trunc(seconds / size), unit);
}

localise(document);
setInterval(() => {
  if (!document.hidden) document.querySelectorAll('time[data-as="ago"]').forEach(spell);
}, 1000);
