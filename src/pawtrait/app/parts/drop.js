// A photo by dropping, choosing, pasting or the phone's camera; it goes to Python as base64, once.
const LATE = 90_000;  // ms, more than an answer may take: what is sent while the connection is gone is lost
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const box = parentElement.querySelector(".drop");
  const at = (name) => box.querySelector(name);
  box.tell = setTriggerValue;
  box.known = data;
  box.classList.toggle("small", Boolean(data.small));
  box.setAttribute("aria-label", data.title);  // the input's own name is its visible label
  if (box.turn !== data.turn) {  // Python has taken the last photo in
    box.turn = data.turn;
    rest();
  }
  if (!box.classList.contains("busy")) at(".title").textContent = data.title;
  if (!box.ready) {
    box.ready = true;
    at(".file").addEventListener("change", (event) => take(event.target));
    at(".snap").addEventListener("change", (event) => take(event.target));
    at(".paste").addEventListener("click", paste);
    at(".camera").addEventListener("click", camera);
    for (const sign of ["pointerenter", "focusin"]) box.addEventListener(sign, () => { document.lastDrop = box; });
    box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("over");
      send(event.dataTransfer.files[0]);
    });
  }
  const heard = { paste: pasted, dragover: hovering, drop: missed };
  for (const [name, hear] of Object.entries(heard)) document.addEventListener(name, hear);
  return () => { for (const [name, hear] of Object.entries(heard)) document.removeEventListener(name, hear); };

  // Every place hears what is meant for none: the last one that was pointed at takes it, or else the first.
  function mine() {
    const last = document.lastDrop;
    return reachable(box) && !(last && last !== box && reachable(last));
  }

  function pasted(event) {
    if (event.defaultPrevented || !mine()) return;
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (file) { event.preventDefault(); send(file); }
  }

  function hovering(event) {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  }

  function missed(event) {  // a browser would open the file in the page's place, and the visit would be gone
    if (event.defaultPrevented || !mine() || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    send(event.dataTransfer.files[0]);
  }

  // Streamlit hides what lies in a closed expander, and leaves it in the page.
  function reachable(one) {
    return one.isConnected && ![one, one.getRootNode().host].some((at) => at?.closest("[inert]"));
  }

  function take(input) { send(input.files[0]); input.value = ""; }

  async function paste() {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((one) => one.startsWith("image/"));
        if (type) return send(new File([await item.getType(type)], "pasted." + type.slice(6), { type }));
      }
      say("There is no picture on the clipboard. Copy one first, then paste it.", true);
    } catch {
      say("Press Ctrl+V, or ⌘V on a Mac, to paste: this browser does not let a button do it.", true);
    }
  }

  function camera() {
    if (matchMedia("(pointer: coarse)").matches) at(".snap").click();
    else box.tell("camera", true);
  }

  function send(file) {
    if (!file) return;
    if (file.size > box.known.largest) {
      say(`That photo is ${Math.ceil(file.size / 1e6)} MB. Please use one with up to ${box.known.largest / 1e6} MB.`, true);
      return;
    }
    const reader = new FileReader();
    reader.onload = () => box.tell("photo", { name: file.name, data: reader.result.split(",", 2)[1] ?? "" });
    reader.onerror = () => { rest(); say("That photo could not be read. Please try another.", true); };
    box.classList.add("busy");
    at(".shown").src = URL.createObjectURL(file);
    at(".shown").hidden = false;
    at(".title").textContent = "Looking closely …";
    say("Looking at your photo");
    clearTimeout(box.late);
    box.late = setTimeout(() => { rest(); say("No answer came. Please try again.", true); }, LATE);
    reader.readAsDataURL(file);
  }

  function rest() {
    clearTimeout(box.late);
    box.classList.remove("busy");
    URL.revokeObjectURL(at(".shown").src);
    at(".shown").hidden = true;
    at(".title").textContent = box.known.title;
    say("");
  }

  function say(text, bad = false) {
    at(".says").textContent = text;
    at(".says").classList.toggle("bad", bad);
  }
}
