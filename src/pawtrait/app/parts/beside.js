// Photo and portrait on top of each other, with a slider between them.
export default function ({ data, parentElement }) {
  const at = (name) => parentElement.querySelector(name);
  for (const name of ["before", "after"]) {
    if (at("." + name).src !== data[name]) at("." + name).src = data[name];
    at("." + name).alt = data[name + "_alt"];
  }
  const slide = () => at(".beside").style.setProperty("--share", at("input").value + "%");
  at("input").oninput = slide;
  slide();
}
