"""`python -m hephaestus` is the program `hephaestus`."""

from hephaestus.cli import main

if __name__ == "__main__":
    main()
