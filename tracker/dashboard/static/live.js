// Keeps the page as the server would show it now. Events tell when to ask; what is asked for is this very page, and its
// parts with `data-live` are made like the new ones. Nothing is done while nobody can see it.

import { morph } from "./morph.js";
import { offer } from "./previews.js";
import { localise } from "./times.js";

const SHORTEST = 1000; // between two looks, however many events there are
const AFTERMATH = 3000; // what follows from an event (its webhooks) has no event of its own
const CALM = 5000; // what no event tells of
const REOPEN = 5000;

const note = document.getElementById("live-note");
const { liveFrom, liveTypes } = document.body.dataset;
let stream = null;
let timer = null;
let dueAt = Infinity;
let isLooking = false;
let lookedAt = performance.now();
let lastTook = 0;
let wasBroken = false;

function lookWithin(milliseconds) {
  // A server that is slow to answer is asked less often.
  const soonest = lookedAt + Math.max(SHORTEST, 4 * lastTook);
  const at = Math.max(performance.now() + milliseconds, soonest);
  if (isLooking || at >= dueAt) return;
  dueAt = at;
  clearTimeout(timer);
  timer = setTimeout(look, at - performance.now());
}

let hasNews = false;
let newsAt = -Infinity;

function hear() {
  hasNews = true;
  newsAt = performance.now();
  lookWithin(0);
}

async function look() {
  isLooking = true;
  hasNews = false;
  const began = performance.now();
  try {
    show(await fetchPage());
    say(stream?.readyState === EventSource.OPEN ? "" : "Reconnecting…");
  } catch {
    say("Cannot reach Tracker; trying again…");
  }
  lookedAt = performance.now();
  lastTook = lookedAt - began;
  isLooking = false;
  dueAt = Infinity;
  if (document.hidden) return;
  const isAftermath = began - newsAt < AFTERMATH;
  lookWithin(hasNews ? 0 : isAftermath ? AFTERMATH : CALM);
}

async function fetchPage() {
  const response = await fetch(location.href, { cache: "no-store", headers: { accept: "text/html" } });
  // The session is over, or what was shown is gone: the server knows what to show instead.
  if (response.redirected || response.status === 404) location.reload();
  if (!response.ok) throw new Error(String(response.status));
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function show(page) {
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    if (fresh) morph(part, fresh);
    localise(part);
    offer(part);
  }
}

function say(text) {
  if (note.textContent !== text) note.textContent = text;
}

function follow() {
  stream = new EventSource(liveFrom);
  stream.onopen = () => {
    say("");
    if (wasBroken) lookWithin(0);
    wasBroken = false;
  };
  stream.onerror = () => {
    wasBroken = true;
    say("Reconnecting…");
    // What the browser gives up on (an answer that is no stream) we do not.
    if (stream.readyState === EventSource.CLOSED) setTimeout(refollow, REOPEN);
    lookWithin(SHORTEST);
  };
  for (const type of liveTypes.split(" ")) stream.addEventListener(type, hear);
}

function refollow() {
  if (stream?.readyState === EventSource.CLOSED) follow();
}

function rest() {
  stream?.close();
  stream = null;
  clearTimeout(timer);
  dueAt = Infinity;
}

function attend() {
  if (document.hidden) {
    rest();
    return;
  }
  if (!stream) follow();
  lookWithin(0);
}

if (document.querySelector("[data-live][id]")) {
  document.addEventListener("visibilitychange", attend);
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => event.persisted && attend());
  if (!document.hidden) {
    follow();
    lookWithin(CALM);
  }
}
