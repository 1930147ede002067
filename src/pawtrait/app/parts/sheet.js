// A page of somebody else's making in a frame that may run nothing and reach nothing.
export default function ({ data, parentElement }) {
  const frame = parentElement.querySelector("iframe");
  frame.title = data.title;
  if (frame.srcdoc !== data.page) frame.srcdoc = data.page;
}
