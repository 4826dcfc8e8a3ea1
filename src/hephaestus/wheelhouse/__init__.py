"""The wheelhouse: one archive that installs a project, and all it needs, where there is no network.

    {project}-{version}-wheelhouse/
      README              the three lines that install it
      SHA256SUMS          what `sha256sum -c` reads
      manifest.json       targets, commit, lock, and where each wheel comes from
      pylock.toml         PEP 751, with paths and hashes
      requirements.txt    the same for older pips, and one more for each extra and group
      sbom.cdx.json       CycloneDX: licences, hashes, who needs whom
      sdist/  wheels/     the files themselves

A wheelhouse is made from left to right: `locks` or `resolve` say what belongs in it, `choose` which file serves
which target, `fetch` and `sdists` bring the files into the `store`, `closure` proves that none is missing,
`contents` and `sbom` describe them, `archive` writes them. `assembly` is that line, `step` the step of a release that
walks it and proves what came of it, `merge` joins what several machines made. On the other side `house` is a
wheelhouse that was unpacked and checked; `inspection`, `difference` and `serve` look at one.
"""

__all__: list[str] = []
