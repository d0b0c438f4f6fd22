"""Print the figures of the house: `python -m tests.house`."""

from __future__ import annotations

from tests.house import figures


def _circles(title: str, found: list[list[str]]) -> None:
    print(f"{title}: {len(found) or 'none'}")
    for circle in found:
        print(f"    {len(circle):3}  {', '.join(circle)}")


def _sizes(title: str, found: list[figures.Size]) -> None:
    print(f"{title}:")
    for size in found:
        print(f"    {size.number:3}  {size.name}")


def main() -> None:
    """Print them."""
    flat, rooms = figures.flat_modules(), figures.rooms()
    print(f"modules flat in sketch/: {len(flat)}: {', '.join(flat)}")
    print(f"rooms in sketch/: {len(rooms)}: {', '.join(rooms)}")
    _circles("import circles when modules are loaded", figures.runtime_circles())
    _circles("import circles with deferred and type-only imports", figures.typed_circles())
    print("but for these imports:")
    for (importing, imported), reason in figures.arrows().items():
        print(f"    {importing} -> {imported}: {reason}")
    _sizes("largest classes, by methods and properties", figures.largest_classes())
    _sizes("largest files, by lines", figures.largest_files())


if __name__ == "__main__":
    main()
