// A page of somebody else's making in a frame that may run nothing and reach nothing.
export default function ({ data, parentElement }) {
  const frame = parentElement.querySelector("iframe");
  // The frame's base is the app's address: a bare "#drift" would load the app in the page's place.
  const page = data.page.replaceAll('<a href="#', '<a href="about:srcdoc#');
  frame.title = data.title;
  if (frame.srcdoc !== page) frame.srcdoc = page;
}
