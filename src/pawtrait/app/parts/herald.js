// Says aloud, through a screen reader, what has changed elsewhere on the page, and leads to its top where that is.
export default function ({ data, parentElement }) {
  const place = parentElement.querySelector("p");
  if (place.textContent !== data.text) place.textContent = data.text;
  const before = document.lastHeard ?? data;
  document.lastHeard = data;
  const menu = document.querySelector("[data-testid=stSidebarCollapseButton] button");  // on a phone
  const picked = menu && before.page !== data.page;
  if (picked) menu.click();
  if (picked || before.news !== data.news) lookUp();

  function lookUp() {
    const main = document.querySelector("[data-testid=stMain]");
    main.focus({ preventScroll: true, focusVisible: false });  // the next Tab leads to what is new; no ring around it all
    main.scrollTo(0, 0);
  }
}
