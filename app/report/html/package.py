"""package.py NAME: the folder of the npm package NAME, which package.json beside this pins.

It is looked for as Node looks for one: in node_modules here, else in that of a folder above.
"""
import pathlib
import sys

name = sys.argv[1]
for folder in pathlib.Path(__file__).resolve().parents:
    package = folder / "node_modules" / name
    if (package / "package.json").is_file():
        print(package)
        sys.exit()
sys.exit(f"the npm package {name} is not there")
