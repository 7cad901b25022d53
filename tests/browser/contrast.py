"""A script that finds text which is hard to read."""

# WCAG 2.2, 1.4.3: 4.5:1 for text, except for controls that are disabled.
LOW_CONTRAST = """(() => {
  const rgba = (css) => css.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  document.getAnimations().forEach((a) => a.finish instanceof Function && a.effect
    .getComputedTiming().endTime !== Infinity && a.finish());
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.offsetParent && !e.disabled && [...e.childNodes]
      .some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const a = light(rgba(getComputedStyle(e).color)), b = light(ground(e));
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 80)];
    })
    .filter(([ratio]) => ratio < 4.5);
})()"""
