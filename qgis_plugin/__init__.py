"""SatCLIP embeddings for QGIS: what a place is like, as numbers, on the map.

The package that QGIS loads is `satclip_qgis`, which build.py makes of this folder: with
`satclip_core` and the bundled model inside, so that nothing has to be installed.
"""


def classFactory(iface):
    """The plugin, as QGIS asks for it; `iface` is None in qgis_process."""
    from .plugin import SatclipPlugin

    return SatclipPlugin(iface)
