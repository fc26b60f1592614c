"""What all algorithms have in common: a model, help, messages, progress, errors, provenance."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtGui import QIcon

from ..help import help_url
from ..models import default_model, encoder, model_name
from ..satclip_core import __name__ as CORE
from ..satclip_core.errors import CancelledError, SatclipError
from ..satclip_core.version import __version__
from ..text import tr
from ..words import worded
from .running import at_work, unloads

_PACKAGE = Path(__file__).parents[1]
_ICONS = _PACKAGE / "icons"


class Algorithm(QgsProcessingAlgorithm):
    """An algorithm with a model.

    Subclasses give `NAME`, `ICON`, `title`, `summary`, `add_parameters` and `work`.
    """

    NAME = ""
    ICON = "satclip.svg"
    MODEL = "MODEL"
    DIMS = "DIMS"
    OUTPUT = "OUTPUT"

    def title(self) -> str:
        """Name in the toolbox."""
        raise NotImplementedError

    def summary(self) -> str:
        """What it does, for the help beside the dialog."""
        raise NotImplementedError

    def add_parameters(self, configuration) -> None:
        """Declare parameters and outputs."""
        raise NotImplementedError

    def work(self, parameters, context, feedback) -> dict:
        """Do it; a SatclipError becomes a message to the user."""
        raise NotImplementedError

    def problems(self, parameters, context) -> Iterator[str]:
        """What is wrong with the parameters, in words for the user."""
        yield from ()

    def name(self):
        """Identifier."""
        return self.NAME

    def displayName(self):
        """Name in the toolbox."""
        return self.title()

    def shortHelpString(self):
        """Help beside the dialog."""
        return self.summary()

    def shortDescription(self):
        """Tooltip in the toolbox."""
        return self.summary().partition("\n")[0]

    def helpUrl(self):
        """Where there is more."""
        return help_url(self.NAME).toString()

    def tags(self):
        """Words to find it by."""
        return ["satclip", "embedding", "location", "similarity", *tr("place,climate").split(",")]

    def icon(self):
        """Icon in the toolbox."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self):
        """The same icon as a file."""
        return str(_ICONS / self.ICON)

    def createInstance(self):
        """A fresh copy, as QGIS asks for it."""
        return type(self)()

    def initAlgorithm(self, configuration=None):
        """Declare parameters and outputs."""
        self.add_parameters(configuration or {})

    def add(self, parameter, tooltip: str, *, advanced: bool = False) -> None:
        """Declare a parameter with its tooltip."""
        parameter.setHelp(tooltip)
        if advanced:
            flag = QgsProcessingParameterDefinition.Flag.FlagAdvanced
            parameter.setFlags(parameter.flags() | flag)
        self.addParameter(parameter)

    def add_model(self, default: str = "") -> None:
        """Declare the model; that of the settings unless another is the default."""
        parameter = QgsProcessingParameterString(
            self.MODEL, tr("Model"), default or default_model()
        )
        # By its path: qgis_process has no widgets.
        widget = f"{__package__}.modelwidget.ModelWidget"
        parameter.setMetadata({"widget_wrapper": {"class": widget}})
        self.add(
            parameter,
            tr(
                "A name (bundled, words, or a published model that was fetched under SatCLIP > "
                "Models), or the path of an .npz, .ckpt or .pth.tar file."
            ),
        )

    def add_dims(self, tooltip: str) -> None:
        """Declare how many dimensions of an embedding are wanted."""
        number = QgsProcessingParameterNumber.Type.Integer
        self.add(
            QgsProcessingParameterNumber(
                self.DIMS, tr("Dimensions"), number, optional=True, minValue=1
            ),
            tooltip,
            advanced=True,
        )

    def dims(self, parameters, context) -> int | None:
        """How many dimensions are wanted, the first ones; None for all."""
        if parameters.get(self.DIMS) is None:
            return None
        return self.parameterAsInt(parameters, self.DIMS, context)

    def written(self, name, fields, kind, crs, rows, parameters, context) -> str:
        """Write features to a sink.

        Args:
            name: of the parameter that is the sink.
            fields: of the features.
            kind: of their geometry.
            crs: of it.
            rows: geometry and attributes of each.
            parameters: of the run.
            context: of the run.

        Returns:
            The destination.

        Raises:
            QgsProcessingException: the sink cannot be had, or refuses a feature.
        """
        sink, target = self.parameterAsSink(parameters, name, context, fields, kind, crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, name))
        for geometry, attributes in rows:
            feature = QgsFeature(fields)
            feature.setGeometry(geometry)
            feature.setAttributes(attributes)
            if not sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
                raise QgsProcessingException(
                    tr("A feature could not be written: {reason}").format(
                        reason=sink.lastError() or Path(str(target)).name
                    )
                )
        del sink  # what is written is complete only now
        return target

    def encoder(self, parameters, context):
        """The model asked for.

        Raises:
            ModelError: there is none of that name, or it cannot be read.
        """
        return encoder(self.model_name(parameters, context))

    def model_name(self, parameters, context) -> str:
        """Name or path of the model asked for."""
        return model_name(self.parameterAsString(parameters, self.MODEL, context))

    def checkParameterValues(self, parameters, context):
        """Whether the parameters make sense, and what is wrong if not."""
        fine, message = super().checkParameterValues(parameters, context)
        if not fine:
            return fine, message
        try:
            self.encoder(parameters, context)
            for problem in self.problems(parameters, context):
                return False, problem
        except SatclipError as error:
            return False, worded(error)
        return True, ""

    def prepareAlgorithm(self, parameters, context, feedback):
        """Keep what can be told only while the provider is there."""
        self._prepared = unloads()
        self._command = self.asPythonCommand(parameters, context)
        return True

    def processAlgorithm(self, parameters, context, feedback):
        """Do it, in QGIS's terms: errors, messages of the core, an end on request."""
        try:
            with at_work(feedback, self._prepared), _passed_on(feedback):
                return self.work(parameters, context, feedback)
        except CancelledError:
            feedback.pushInfo(tr("Stopped on request; nothing was written."))
            return {}
        except SatclipError as error:
            raise QgsProcessingException(worded(error)) from error
        except MemoryError as error:
            raise QgsProcessingException(
                tr("Not enough memory: give a coarser resolution or a smaller extent.")
            ) from error

    def facts(self, model, product) -> dict[str, str]:
        """Provenance of a result, for the metadata of its layer."""
        return {
            **model.provenance,
            **(product.tags if product is not None else {}),
            "software": f"satclip-embeddings {__version__} (QGIS)",
            "command": self.command(),
        }

    def command(self) -> str:
        """The call of Processing that makes the same result."""
        return self._command


def progress_to(feedback, start: float = 0, stop: float = 100):
    """A progress callback of the core that moves a feedback from `start` to `stop` per cent."""

    def report(done: int, total: int) -> None:
        feedback.setProgress(start + (stop - start) * done / max(total, 1))

    return report


@contextmanager
def _passed_on(feedback) -> Iterator[None]:
    """What the core says by `logging` in this thread, shown to the user."""
    thread = get_ident()

    class ToFeedback(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                warning = record.levelno >= logging.WARNING
                (feedback.pushWarning if warning else feedback.pushInfo)(record.getMessage())

    handler = ToFeedback(logging.INFO)
    logger = logging.getLogger(CORE)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
