// Before the first paint, so that a dark room does not flash white: the page's own script comes too late for that.
(function () {
  var theme = null;
  try {
    theme = JSON.parse(localStorage.getItem("huafang.prefs") || "{}").theme;
  } catch (_) {
    // Storage is closed to us or holds something else: the system's theme stands.
  }
  var dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
