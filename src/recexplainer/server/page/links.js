/**
 * Links to a view of this page: a click shows it here, unless it is to be opened elsewhere.
 * @module
 */

/**
 * @param {() => void} go
 * @returns {(event: MouseEvent) => void}
 */
export function follow(go) {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go();
  };
}
