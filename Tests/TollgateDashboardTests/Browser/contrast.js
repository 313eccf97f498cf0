// Returns a line for each visible text of the page whose contrast with the background behind it is less than arguments[0] : 1,
// by the formula of WCAG 2. The background is that of the nearest ancestors, composed as far as they are transparent.
const least = arguments[0];

// Colours of any notation as sRGB numbers 0 … 255 and opacity 0 … 1, as a canvas draws them.
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const known = new Map();
const rgba = (text) => {
    if (!known.has(text)) {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
        known.set(text, [red, green, blue, alpha / 255]);
    }
    return known.get(text);
};

const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
const luminance = ([red, green, blue]) => {
    const linear = [red, green, blue].map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
};

const backgroundOf = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
        const layer = rgba(getComputedStyle(each).backgroundColor);
        layers.push(layer);
        if (layer[3] === 1) break;
    }
    const canvasColor = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    return layers.reverse().reduce((below, layer) => over(layer, below), canvasColor);
};

const opacityOf = (element) => {
    let opacity = 1;
    for (let each = element; each; each = each.parentElement) opacity *= Number(getComputedStyle(each).opacity);
    return opacity;
};

const faults = [];
const judge = (element, text, color) => {
    const [red, green, blue, alpha] = rgba(color);
    const background = backgroundOf(element);
    const ratio = contrast(over([red, green, blue, alpha * opacityOf(element)], background), background);
    if (ratio >= least) return;
    const name = `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}`;
    faults.push(`${ratio.toFixed(2)} ${name} ${JSON.stringify(text.slice(0, 40))} ${color} on rgb(${background.slice(0, 3).map(Math.round)})`);
};

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    const svg = element.closest("svg");
    // The titles and descriptions of charts are not shown.
    if (text === "" || element.closest("script, style, option, textarea, head") || (svg && !element.closest("text"))) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    judge(element, text, svg ? getComputedStyle(element).fill : getComputedStyle(element).color);
}
for (const field of document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea")) {
    if (!field.checkVisibility({ visibilityProperty: true })) continue;
    judge(field, field.value || field.name, getComputedStyle(field).color);
    if (field.placeholder) judge(field, field.placeholder, getComputedStyle(field, "::placeholder").color);
}
// Marks before and after an element are text as well.
for (const element of document.querySelectorAll("body *")) {
    for (const part of ["::before", "::after"]) {
        const style = getComputedStyle(element, part);
        if (["none", "normal", '""'].includes(style.content) || !element.checkVisibility()) continue;
        judge(element, style.content, style.color);
    }
}
return faults;
