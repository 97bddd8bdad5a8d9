/** What is measured inside the page: each function is sent there as text, and may use nothing but what it holds. */

/** Elements that stick out of the page or whose text sticks out of them. */
export function overflowing() {
  /* oxlint-disable unicorn/consistent-function-scoping -- see above: there is no outer scope where this runs */
  const width = document.documentElement.clientWidth;
  const name = (element) =>
    `${element.tagName} ${element.className} ${element.scrollWidth}/${element.clientWidth} ${element.textContent.trim().slice(0, 40)}`;
  const isHidden = (element) => element.closest(".for-readers, .skip, thead") !== null;
  const isOut = (element) => {
    const { left, right } = element.getBoundingClientRect();
    return (
      right > width + 0.5 || left < -0.5 || (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
    );
  };
  return [...document.body.querySelectorAll("*")].filter((it) => !isHidden(it) && isOut(it)).map(name);
}

/** Texts whose contrast with what is behind them is below 4.5. Source: WCAG 2.2, 1.4.3. */
export function contrastProblems() {
  /* oxlint-disable unicorn/consistent-function-scoping -- as above */
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color) => {
    const [r, g, b] = rgba(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (rgba(backgroundColor)[3] === 255) return backgroundColor;
    }
    return "white";
  };
  const contrast = (element) => {
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const hasText = ({ childNodes }) => [...childNodes].some((it) => it.nodeType === 3 && it.nodeValue.trim() !== "");
  return [...document.body.querySelectorAll("*")]
    .filter((element) => hasText(element) && contrast(element) < 4.5)
    .map((element) => `${element.tagName} ${element.className} ${contrast(element).toFixed(1)}`);
}
