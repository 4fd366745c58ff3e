#!/bin/sh
# peers.sh FOLDER [setup]: gad serve against real programs: a browser that teaches, reviews and exports; the official OpenAI client;
# clients that mean no good, load, and kill -9. `setup` (make peers) installs what Python's own library lacks into FOLDER/peers; where
# something is not to be had, its test is skipped by name.
set -eu
folder=$1 python=$1/peers/bin/python
skip() {
    printf '[ RUN      ] %s\nSKIPPED %s: %s\n[  SKIPPED ] %s\n[  SKIPPED ] %s\n' "$1" "$1" "$2" "$1" "$1"
}
# peer NAME MODULES...: tests/peers/NAME.py, where python has what it imports
peer() {
    name=$1
    shift
    for module in "$@"; do
        "$python" -c "import $module" 2>/dev/null || { skip "$name" "python has no $module: make peers"; return 0; }
    done
    printf '[ RUN      ] %s\n' "$name"
    "$python" "tests/peers/$name.py" "$folder/gad" "$folder/peers/screens"
    printf '[       OK ] %s\n' "$name"
}
if [ "${2:-}" = setup ]; then
    command -v chromium >/dev/null || ${SUDO:-} apt-get install -y --no-install-recommends chromium python3-venv >/dev/null
    python3 -m venv "$folder/peers" && "$folder/peers/bin/pip" install -q playwright numpy pillow openai
fi
[ -x "$python" ] || python=python3
command -v "$python" >/dev/null || { skip peers "python3 is not installed"; exit 0; }
peer hostile
peer endurance
peer sinks
peer openai_client openai
if command -v chromium >/dev/null; then
    peer page playwright numpy PIL
else
    skip page "chromium is not installed"
fi
