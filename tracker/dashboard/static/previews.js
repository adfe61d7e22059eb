// Previews of outputs: nothing is fetched from elsewhere until somebody asks for it, and only images and videos are shown.

const makers = { image: makeImage, video: makeVideo };

function makeImage(address) {
  const image = document.createElement("img");
  image.alt = "Preview of this output";
  image.referrerPolicy = "no-referrer";
  image.src = address;
  return image;
}

function makeVideo(address) {
  const video = document.createElement("video");
  video.controls = true;
  video.src = address;
  return video;
}

function preview(place, address, kinds) {
  const [kind, ...others] = kinds;
  const shown = makers[kind](address);
  shown.addEventListener("error", () => {
    shown.remove();
    if (others.length) preview(place, address, others);
    else place.append(Object.assign(document.createElement("p"), { textContent: "It cannot be shown here." }));
  });
  place.append(shown);
}

function toggle(button, place) {
  const isShown = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isShown));
  button.textContent = isShown ? "Preview" : "Hide";
  place.replaceChildren();
  const address = place.closest("li").querySelector("a[href]").href;
  const { preview: kind } = place.parentElement.dataset;
  if (!isShown && /^https?:/.test(address)) preview(place, address, kind === "any" ? ["image", "video"] : [kind]);
}

/** Gives every preview that has none yet its button. */
export function offer(root) {
  for (const region of root.querySelectorAll("[data-preview]:empty")) {
    const button = document.createElement("button");
    const place = document.createElement("div");
    button.type = "button";
    button.textContent = "Preview";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => toggle(button, place));
    region.append(button, place);
  }
}

offer(document);
