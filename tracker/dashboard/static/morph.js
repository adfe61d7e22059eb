// Makes what is shown like what the server has sent, touching only what differs: focus, scroll, opened details and typed
// text stay. Elements with an id are the same wherever they stand; what is in a `data-keep` is ours alone.

/** Makes one element like another, which is used up. */
export function morph(shown, sent) {
  if (shown.nodeType !== Node.ELEMENT_NODE) {
    if (shown.data !== sent.data) shown.data = sent.data;
    return;
  }
  if (shown.hasAttribute("data-keep") && sent.hasAttribute("data-keep")) return;
  // A script has spelled this time in the viewer's zone.
  if (shown.nodeName === "TIME" && shown.dateTime === sent.dateTime) return;
  if (shown.isEqualNode(sent)) return;
  morphAttributes(shown, sent);
  morphChildren(shown, sent);
}

function morphAttributes(shown, sent) {
  for (const { name } of [...shown.attributes]) {
    if (!sent.hasAttribute(name) && !isOfTheViewer(shown, name)) shown.removeAttribute(name);
  }
  for (const { name, value } of sent.attributes) {
    if (shown.getAttribute(name) !== value && !isOfTheViewer(shown, name)) shown.setAttribute(name, value);
  }
}

function isOfTheViewer(element, name) {
  return name === "open" && element.nodeName === "DETAILS";
}

function morphChildren(shown, sent) {
  const wanted = new Set([...sent.children].map((child) => child.id).filter(Boolean));
  for (const child of [...shown.children]) if (child.id && !wanted.has(child.id)) child.remove();
  const known = new Map([...shown.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = shown.firstChild;
  for (const child of [...sent.childNodes]) {
    const same = child.id ? known.get(child.id) : place && isAlike(place, child) ? place : undefined;
    if (!same || same.nodeName !== child.nodeName) {
      shown.insertBefore(document.adoptNode(child), place);
      continue;
    }
    if (same === place) place = place.nextSibling;
    else shown.insertBefore(same, place);
    morph(same, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function isAlike(shown, sent) {
  return shown.nodeName === sent.nodeName && !shown.id;
}
