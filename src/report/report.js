/* Sorting a table by a column, filtering the gallery. The page is complete without it. */
(function () {
  'use strict';

  function sort(table, column, down) {
    var body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows);
    function number(cell) {
      var value = cell.getAttribute('data-v');
      return value === null ? null : value === '' ? -1 : +value;
    }
    rows.sort(function (p, q) {
      var a = number(p.cells[column]), b = number(q.cells[column]);
      var order = a === null || b === null ? p.cells[column].textContent.localeCompare(q.cells[column].textContent) : a - b;
      return down ? -order : order;
    });
    rows.forEach(function (row) { body.appendChild(row); });
  }

  document.querySelectorAll('table.sort').forEach(function (table) {
    var heads = table.querySelectorAll('thead th');
    heads.forEach(function (head, column) {
      head.addEventListener('click', function () {
        var down = !head.hasAttribute('data-down');
        heads.forEach(function (other) {
          other.removeAttribute('data-up');
          other.removeAttribute('data-down');
        });
        head.setAttribute(down ? 'data-down' : 'data-up', '');
        sort(table, column, down);
      });
    });
  });

  var bar = document.querySelector('.filter'), kind = 'error', set = '';
  if (!bar)
    return;

  function fits(item) {
    var k = item.getAttribute('data-kind');
    var wanted = kind === 'all' || (kind === 'random' ? item.hasAttribute('data-random') : kind === 'error' ? k !== 'right' : k === kind);
    return wanted && (!set || item.getAttribute('data-set') === set);
  }

  function show() {
    var shown = 0;
    document.querySelectorAll('.case').forEach(function (item) {
      item.hidden = !fits(item);
      shown += item.hidden ? 0 : 1;
    });
    document.getElementById('shown').textContent = shown + ' shown';
  }

  bar.addEventListener('click', function (event) {
    var pick = event.target.getAttribute('data-pick');
    if (!pick)
      return;
    kind = pick;
    bar.querySelectorAll('button').forEach(function (button) {
      button.setAttribute('aria-pressed', button === event.target ? 'true' : 'false');
    });
    show();
  });
  var select = bar.querySelector('select');
  if (select)
    select.addEventListener('change', function () {
      set = select.value;
      show();
    });
  show();
})();
