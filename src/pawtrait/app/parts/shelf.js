// Pictures to pick from: radio buttons that stay, or (data.once) buttons that tell each click.
export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const row = parentElement.querySelector(".row");
  row.state = setStateValue;
  row.trigger = setTriggerValue;
  parentElement.querySelector("legend").textContent = data.legend;
  row.classList.toggle("once", data.once);
  const names = JSON.stringify(data.options.map((one) => [one.name, one.title]));
  if (row.names !== names) {
    row.names = names;
    row.replaceChildren(...data.options.map((one) => (data.once ? button(one) : radio(one))));
  }
  for (const input of row.querySelectorAll("input")) input.checked = input.value === data.picked;

  function button(one) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "one";
    made.append(picture(one), text(one.title));
    made.addEventListener("click", () => row.trigger("picked", one.name));
    return made;
  }

  function radio(one) {
    const made = document.createElement("label");
    made.className = "one";
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: data.legend, value: one.name });
    input.addEventListener("change", () => row.state("picked", one.name));
    made.append(input, picture(one), text(one.title));
    return made;
  }

  function picture(one) {
    const made = document.createElement("img");
    Object.assign(made, { src: one.src, alt: one.alt, loading: "lazy" });
    return made;
  }

  function text(words) {
    const made = document.createElement("span");
    made.textContent = words;
    return made;
  }
}
