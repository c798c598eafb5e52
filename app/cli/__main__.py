"""python -m app.cli: `siang`, also where no such program is installed."""

from app.cli import main

main(prog_name="siang")
