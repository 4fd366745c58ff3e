#!/bin/sh
# peers.sh FOLDER [setup]: gad serve against real programs: a browser that teaches, reviews and exports. `setup` (make peers) installs
# them into FOLDER/peers; without that, or where they are not to be had, the test is skipped by name.
set -eu
folder=$1 python=$1/peers/bin/python
skip() {
    printf '[ RUN      ] peers\nSKIPPED peers: %s\n[  SKIPPED ] peers\n[  SKIPPED ] peers\n' "$1"
    exit 0
}
if [ "${2:-}" = setup ]; then
    command -v chromium >/dev/null || ${SUDO:-} apt-get install -y --no-install-recommends chromium python3-venv >/dev/null
    python3 -m venv "$folder/peers" && "$folder/peers/bin/pip" install -q playwright numpy pillow
fi
[ -x "$python" ] || skip "make peers was not run"
command -v chromium >/dev/null || skip "chromium is not installed"
printf '[ RUN      ] peers\n'
"$python" tests/peers/page.py "$folder/gad" "$folder/peers/screens"
printf '[       OK ] peers\n'
