#!/bin/sh
# Finds a Python that will do and lets it prepare .venv: scripts/venv.sh run|dev
set -u
cd "${0%/*}/.." || exit 1

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
    if ! fits "$PYTHON"; then
        echo "PYTHON=$PYTHON is no Python 3.11 to 3.14. Name one that is, or leave PYTHON out." >&2
        exit 1
    fi
    exec "$PYTHON" scripts/venv.py "$1" --chosen
fi
for candidate in python3 python3.13 python3.12 python3.11; do
    if fits "$candidate"; then
        exec "$candidate" scripts/venv.py "$1"
    fi
done
echo "No Python 3.11 to 3.14 was found. Install one (Debian, Ubuntu: apt install python3" \
    "python3-venv) or name it: PYTHON=/path/to/python3 make run." >&2
exit 1
