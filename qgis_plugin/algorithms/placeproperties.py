"""Named properties of places: temperature, rain, land cover and more, predicted."""

from __future__ import annotations

from dataclasses import replace

from qgis.core import QgsProcessingParameterEnum

from ..placewords import known_properties, said_error, say
from ..satclip_core.products import PropertiesOf
from ..styles import style_classes, style_values
from ..text import tr
from .rasters import RasterAlgorithm


class PlaceProperties(RasterAlgorithm):
    """A band for each property of the pixels' places."""

    NAME = "placeproperties"
    ICON = "properties.svg"
    PROPERTIES = "PROPERTIES"

    def title(self):
        """Name in the toolbox."""
        return tr("Properties of places")

    def summary(self):
        """Help."""
        return tr(
            "Writes what places are like as bands: temperature, rain, elevation, greenness, land "
            "cover, night light, people, climate zone.\n\nThey are read from the embedding by "
            "small models that were fitted to public maps: predictions, not measurements. The log "
            "and the file say how far off they were at places left out, and where the labels come "
            "from. On water only the land cover is known. The first band is shown; the others are "
            "in the same file."
        )

    def add_parameters(self, configuration):
        """Declare parameters and outputs."""
        self.add_grid(configuration)
        titles = [say(facts.title) for facts in known_properties()]
        self.add(
            QgsProcessingParameterEnum(
                self.PROPERTIES,
                tr("Properties"),
                titles,
                allowMultiple=True,
                defaultValue=list(range(len(titles))),
                optional=True,
            ),
            tr("A band for each number; a class takes two, its code and its probability."),
        )
        self.add_model()
        self.add_output(tr("Properties of places"))

    def problems(self, parameters, context):
        """What is wrong with the properties, grid or output."""
        PropertiesOf(self._names(parameters, context)).by(self.encoder(parameters, context))
        yield from super().problems(parameters, context)

    def wanted(self, parameters, context, feedback):
        """The properties chosen; all of them where none is."""
        return PropertiesOf(self._names(parameters, context))

    def layer_name(self, product):
        """What it shows, where that is one property."""
        facts = product.heads.facts
        if len(facts) > 1:
            return ""
        title = say(facts[0].title)
        return f"{title}, {facts[0].unit}" if facts[0].unit else title

    def tell(self, product, feedback):
        """How far off each property is, and where its labels come from."""
        for facts in product.heads.facts:
            feedback.pushInfo(
                tr(
                    "{property}: predicted; {error} in blocks of {side:g}° left out; {source}"
                ).format(
                    property=say(facts.title),
                    error=said_error(facts),
                    side=facts.block_degrees,
                    source=f"{facts.source} ({facts.licence})",
                )
            )

    def style(self, product, layer):
        """The first band: a ramp for numbers, colours for classes."""
        legend = product.legend
        if legend is None:
            style_values(layer)
        else:
            style_classes(layer, replace(legend, names=tuple(map(say, legend.names))))

    def _names(self, parameters, context):
        names = [facts.name for facts in known_properties()]
        chosen = self.parameterAsEnums(parameters, self.PROPERTIES, context)
        return tuple(names[index] for index in chosen) or ("all",)
