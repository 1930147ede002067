// Says aloud, through a screen reader, what has changed elsewhere on the page.
export default function ({ data, parentElement }) {
  const place = parentElement.querySelector("p");
  if (place.textContent !== data.text) place.textContent = data.text;
}
