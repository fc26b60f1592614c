<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
    <context>
        <name>satclip</name>
        <message>
            <source>Model</source>
            <translation>Modell</translation>
        </message>
        <message>
            <source>A name (bundled, words, or a published model that was fetched under SatCLIP &gt; Models), or the path of an .npz, .ckpt or .pth.tar file.</source>
            <translation>Ein Name (bundled, words oder ein veröffentlichtes Modell, das unter SatCLIP &gt; Modelle geholt wurde) oder der Pfad einer .npz-, .ckpt- oder .pth.tar-Datei.</translation>
        </message>
        <message>
            <source>Dimensions</source>
            <translation>Dimensionen</translation>
        </message>
        <message>
            <source>Stopped on request; nothing was written.</source>
            <translation>Auf Wunsch angehalten; es wurde nichts geschrieben.</translation>
        </message>
        <message>
            <source>Not enough memory: give a coarser resolution or a smaller extent.</source>
            <translation>Zu wenig Arbeitsspeicher: eine gröbere Auflösung oder eine kleinere Ausdehnung angeben.</translation>
        </message>
        <message>
            <source>place,climate</source>
            <translation>Ort,Klima</translation>
        </message>
        <message>
            <source>A feature could not be written: {reason}</source>
            <translation>Ein Objekt konnte nicht geschrieben werden: {reason}</translation>
        </message>
        <message>
            <source>Clusters of places</source>
            <translation>Cluster von Orten</translation>
        </message>
        <message>
            <source>Divides an area into groups of like places, by k-means of their embeddings.

The clusters are found on a sample of the pixels; the same extent, resolution and number give the same clusters again. Save them to use them for another extent.

Each is named by what most of its places are predicted to be: land cover and climate, and where two have the same, what sets them apart. Nothing of that is measured.</source>
            <translation>Teilt ein Gebiet in Gruppen ähnlicher Orte, mit k-Means über ihre Embeddings.

Die Cluster werden an einer Stichprobe der Pixel gefunden; gleiche Ausdehnung, Auflösung und Anzahl ergeben wieder dieselben Cluster. Gespeichert lassen sie sich für eine andere Ausdehnung verwenden.

Jeder heißt nach dem, was die meisten seiner Orte laut Vorhersage sind: Landbedeckung und Klima, und wo zwei gleich hießen, was sie unterscheidet. Nichts davon ist gemessen.</translation>
        </message>
        <message>
            <source>Cluster {number}: {name} ({share:.0f} %)</source>
            <translation>Cluster {number}: {name} ({share:.0f} %)</translation>
        </message>
        <message>
            <source>From 2 to 254; it is not used with clusters that were saved before.</source>
            <translation>Von 2 bis 254; bei zuvor gespeicherten Clustern ohne Bedeutung.</translation>
        </message>
        <message>
            <source>Use the clusters of another area; found anew where not given.</source>
            <translation>Die Cluster eines anderen Gebiets verwenden; ohne Angabe werden sie neu gefunden.</translation>
        </message>
        <message>
            <source>Save clusters</source>
            <translation>Cluster speichern</translation>
        </message>
        <message>
            <source>Clusters (*.json)</source>
            <translation>Cluster (*.json)</translation>
        </message>
        <message>
            <source>A small file to use the same clusters again for another extent.</source>
            <translation>Eine kleine Datei, um dieselben Cluster für eine andere Ausdehnung wieder zu verwenden.</translation>
        </message>
        <message>
            <source>Clusters</source>
            <translation>Cluster</translation>
        </message>
        <message>
            <source>Number of clusters</source>
            <translation>Anzahl der Cluster</translation>
        </message>
        <message>
            <source>Clusters saved before</source>
            <translation>Zuvor gespeicherte Cluster</translation>
        </message>
        <message>
            <source>{count} clusters, names predicted</source>
            <translation>{count} Cluster, Namen vorhergesagt</translation>
        </message>
        <message>
            <source>Fields can be used anywhere. An array is compact; in a file it is JSON text.</source>
            <translation>Felder sind überall brauchbar. Ein Array ist kompakt; in einer Datei ist es JSON-Text.</translation>
        </message>
        <message>
            <source>Fields are called e000, e001, …; the array is called embedding.</source>
            <translation>Die Felder heißen e000, e001, …; das Array heißt embedding.</translation>
        </message>
        <message>
            <source>Only the first ones, where so many fields are too many; all where it is empty.</source>
            <translation>Nur die ersten, wo so viele Felder zu viele sind; alle, wenn leer.</translation>
        </message>
        <message>
            <source>Embedding as</source>
            <translation>Embedding als</translation>
        </message>
        <message>
            <source>Prefix of the new fields</source>
            <translation>Präfix der neuen Felder</translation>
        </message>
        <message>
            <source>one field for each dimension</source>
            <translation>ein Feld je Dimension</translation>
        </message>
        <message>
            <source>one array field</source>
            <translation>ein Array-Feld</translation>
        </message>
        <message>
            <source>Embed points</source>
            <translation>Punkte einbetten</translation>
        </message>
        <message>
            <source>Copies a point layer and adds the location embedding of each point: one field for each dimension, or one array field.

The layer may be in any CRS. Points without a usable geometry keep their row, with empty fields, and are counted in the log. Multipoints count by their centroid; so do lines and polygons on request, which then become points.</source>
            <translation>Kopiert einen Punktlayer und fügt das Orts-Embedding jedes Punktes hinzu: ein Feld je Dimension oder ein Array-Feld.

Der Layer kann jedes KBS haben. Punkte ohne brauchbare Geometrie behalten ihre Zeile, mit leeren Feldern, und werden im Protokoll gezählt. Bei Multipunkten zählt der Schwerpunkt, auf Wunsch auch bei Linien und Polygonen, die dann zu Punkten werden.</translation>
        </message>
        <message>
            <source>Embedded points</source>
            <translation>Eingebettete Punkte</translation>
        </message>
        <message>
            <source>{name}, embedded</source>
            <translation>{name}, eingebettet</translation>
        </message>
        <message>
            <source>{count} features embedded.</source>
            <translation>{count} Objekte eingebettet.</translation>
        </message>
        <message>
            <source>Embed polygons and lines</source>
            <translation>Polygone und Linien einbetten</translation>
        </message>
        <message>
            <source>Copies a layer and adds to each polygon the mean embedding over its area, to each line that along it: one field for each dimension, or one array field.

A pixel weighs by its area times the part of it that the polygon covers. Beside the embedding there are pixels (how many), area_km2, length_km and spread: 0 where a polygon is alike all over, near 1 where its parts have nothing in common.</source>
            <translation>Kopiert einen Layer und gibt jedem Polygon das mittlere Embedding über seine Fläche, jeder Linie das entlang ihrer Länge: ein Feld je Dimension oder ein Array-Feld.

Ein Pixel wiegt mit seiner Fläche mal dem Teil, den das Polygon davon bedeckt. Neben dem Embedding stehen pixels (wie viele), area_km2, length_km und spread: 0, wo ein Polygon überall gleich ist, nahe 1, wo seine Teile nichts gemeinsam haben.</translation>
        </message>
        <message>
            <source>Embedded features</source>
            <translation>Eingebettete Objekte</translation>
        </message>
        <message>
            <source>Layer</source>
            <translation>Layer</translation>
        </message>
        <message>
            <source>Polygons count by the mean over their area, lines by that along them, points as they are; in any CRS, all features or the selected ones.</source>
            <translation>Polygone zählen mit dem Mittel über ihre Fläche, Linien mit dem entlang ihrer Länge, Punkte wie sie sind; in jedem KBS, alle Objekte oder die gewählten.</translation>
        </message>
        <message>
            <source>What a polygon or a line has of the sea does not count. Points always do.</source>
            <translation>Was ein Polygon oder eine Linie vom Meer hat, zählt nicht. Punkte zählen immer.</translation>
        </message>
        <message>
            <source>Not set: what the model resolves, smaller in small polygons and larger in very large ones.</source>
            <translation>Nicht gesetzt: was das Modell auflöst, kleiner in kleinen Polygonen und größer in sehr großen.</translation>
        </message>
        <message>
            <source>Where the layer has fields of these names already.</source>
            <translation>Falls der Layer schon Felder mit diesen Namen hat.</translation>
        </message>
        <message>
            <source>A new layer; GeoPackage keeps all fields, a Shapefile holds 255 at most.</source>
            <translation>Ein neuer Layer; GeoPackage behält alle Felder, ein Shapefile fasst höchstens 255.</translation>
        </message>
        <message>
            <source>{count} features have an edge across more than half of the Earth, which is taken as it is drawn: cut at 180° what is to cross it.</source>
            <translation>{count} Objekte haben eine Kante über mehr als die halbe Erde; sie wird genommen, wie sie gezeichnet ist: was 180° kreuzen soll, dort zerschneiden.</translation>
        </message>
        <message>
            <source>The layer {layer} has no feature with a place to look at.</source>
            <translation>Der Layer {layer} hat kein Objekt mit einem Ort, der sich ansehen ließe.</translation>
        </message>
        <message>
            <source>Land only</source>
            <translation>Nur Land</translation>
        </message>
        <message>
            <source>Size of pixels (units of the layer)</source>
            <translation>Größe der Pixel (Einheiten des Layers)</translation>
        </message>
        <message>
            <source>Fill in missing values</source>
            <translation>Fehlende Werte ergänzen</translation>
        </message>
        <message>
            <source>Copies a layer and fills in a field where it is empty: learnt from the features that have a value, as Map from samples learns.

The new field FIELD_filled is 1 where a value was filled in, and such features also have its standard error and 90 % interval (of classes the probability), whether they lie inside the area of applicability, and the distance to the nearest feature with a value in km. Values that are there stay. Lines and polygons count by their centroids.</source>
            <translation>Kopiert einen Layer und ergänzt ein Feld, wo es leer ist: gelernt von den Objekten, die einen Wert haben, wie Karte aus Stichproben lernt.

Das neue Feld FELD_filled ist 1, wo ein Wert ergänzt wurde; solche Objekte haben auch dessen Standardfehler und 90-%-Intervall (bei Klassen die Wahrscheinlichkeit), ob sie im Anwendungsbereich liegen, und den Abstand zum nächsten Objekt mit Wert in km. Werte, die da sind, bleiben. Linien und Polygone zählen mit ihrem Schwerpunkt.</translation>
        </message>
        <message>
            <source>{count} features filled in, {share:.0f} % outside the area of applicability.</source>
            <translation>{count} Objekte ergänzt, {share:.0f} % außerhalb des Anwendungsbereichs.</translation>
        </message>
        <message>
            <source>Features with values filled in</source>
            <translation>Objekte mit ergänzten Werten</translation>
        </message>
        <message>
            <source>No feature lacks a value of {field}: there is nothing to fill in.</source>
            <translation>Keinem Objekt fehlt ein Wert von {field}: es gibt nichts zu ergänzen.</translation>
        </message>
        <message>
            <source>Choose the field to fill in.</source>
            <translation>Das Feld wählen, das ergänzt werden soll.</translation>
        </message>
        <message>
            <source>{name}, {field} filled in</source>
            <translation>{name}, {field} ergänzt</translation>
        </message>
        <message>
            <source>The layer holds no place to predict at.</source>
            <translation>Der Layer enthält keinen Ort, an dem vorherzusagen wäre.</translation>
        </message>
        <message>
            <source>The extent {value} is none: give west, east, south, north as numbers, with commas between them, or a layer.</source>
            <translation>Die Ausdehnung {value} ist keine: West, Ost, Süd, Nord als Zahlen mit Kommas dazwischen angeben, oder einen Layer.</translation>
        </message>
        <message>
            <source>Extent</source>
            <translation>Ausdehnung</translation>
        </message>
        <message>
            <source>The area to cover, in any CRS; the map's view at first. West &gt; east crosses the date line.</source>
            <translation>Das Gebiet, in beliebigem KBS; zunächst der Kartenausschnitt. West &gt; Ost überschreitet die Datumsgrenze.</translation>
        </message>
        <message>
            <source>Pixel size in units of the CRS. Not set: a quarter of what the model resolves, and at least 100 pixels along the longer side.</source>
            <translation>Pixelgröße in Einheiten des KBS. Ohne Angabe: ein Viertel dessen, was das Modell auflöst, und mindestens 100 Pixel entlang der längeren Seite.</translation>
        </message>
        <message>
            <source>CRS of the result; EPSG:4326 where the project has none.</source>
            <translation>KBS des Ergebnisses; EPSG:4326, wenn das Projekt keines hat.</translation>
        </message>
        <message>
            <source>No data at sea, where the models have learnt nothing: by a mask of 1/40 degree that comes with the plugin. Lakes are land.</source>
            <translation>Keine Daten auf See, wo die Modelle nichts gelernt haben: nach einer Maske von 1/40 Grad, die mit der Erweiterung kommt. Seen sind Land.</translation>
        </message>
        <message>
            <source>No data outside it: a country by its English name or ISO code, or a GeoJSON file of polygons. The extent stays as it is.</source>
            <translation>Keine Daten außerhalb: ein Land mit englischem Namen oder ISO-Code, oder eine GeoJSON-Datei mit Polygonen. Die Ausdehnung bleibt, wie sie ist.</translation>
        </message>
        <message>
            <source>Resolution</source>
            <translation>Auflösung</translation>
        </message>
        <message>
            <source>CRS</source>
            <translation>KBS</translation>
        </message>
        <message>
            <source>Only on land</source>
            <translation>Nur an Land</translation>
        </message>
        <message>
            <source>Only in this country</source>
            <translation>Nur in diesem Land</translation>
        </message>
        <message>
            <source>Resolution {size:g}: give a pixel size above 0, or leave it out.</source>
            <translation>Auflösung {size:g}: eine Pixelgröße über 0 angeben oder weglassen.</translation>
        </message>
        <message>
            <source>Group features</source>
            <translation>Objekte gruppieren</translation>
        </message>
        <message>
            <source>Copies a layer and puts its features into groups of like ones, by k-means of their embeddings: regions of a country, kinds of fields.

The field group has the number, the largest group first, and group_name what most of its features are predicted to be: land cover and climate. Polygons count by the mean over their area, lines by that along them. The same features and number of groups give the same groups again.</source>
            <translation>Kopiert einen Layer und teilt seine Objekte in Gruppen ähnlicher, mit k-means ihrer Embeddings: Regionen eines Landes, Arten von Feldern.

Das Feld group hat die Nummer, die größte Gruppe zuerst, und group_name, was die meisten ihrer Objekte nach der Vorhersage sind: Landbedeckung und Klima. Polygone zählen mit dem Mittel über ihre Fläche, Linien mit dem entlang ihrer Länge. Dieselben Objekte und dieselbe Anzahl geben wieder dieselben Gruppen.</translation>
        </message>
        <message>
            <source>From 2 to 254; no more than there are features.</source>
            <translation>Von 2 bis 254; höchstens so viele, wie es Objekte gibt.</translation>
        </message>
        <message>
            <source>Grouped features</source>
            <translation>Gruppierte Objekte</translation>
        </message>
        <message>
            <source>Group {number}: {name}, {count} features</source>
            <translation>Gruppe {number}: {name}, {count} Objekte</translation>
        </message>
        <message>
            <source>Number of groups</source>
            <translation>Anzahl der Gruppen</translation>
        </message>
        <message>
            <source>{name} in {count} groups</source>
            <translation>{name} in {count} Gruppen</translation>
        </message>
        <message>
            <source>Where an image comes from</source>
            <translation>Woher ein Bild stammt</translation>
        </message>
        <message>
            <source>Maps how probable it is that an image comes from a place: per million square kilometres, summing to 1 over the raster. The most probable places are given as points, with the probability that it comes from around them.

It takes a model that was trained with images beside places (UniGeoCLIP): “words”, which comes with the plugin, knows true colour, relief, night lights and greenness of coarse satellite images. The middle of the image is brought to the size and scale that the model has learnt from; where the image lies, if it says so, is not used.</source>
            <translation>Kartiert, wie wahrscheinlich ein Bild von einem Ort stammt: für eine Million Quadratkilometer, über das Raster zusammen 1. Die wahrscheinlichsten Orte werden als Punkte ausgegeben, mit der Wahrscheinlichkeit, dass es aus ihrer Umgebung stammt.

Nötig ist ein Modell, das mit Bildern neben Orten trainiert wurde (UniGeoCLIP): „words“, das mitgeliefert wird, kennt Echtfarben, Relief, Nachtlichter und Grünheit grober Satellitenbilder. Die Mitte des Bildes wird auf Größe und Maßstab gebracht, an denen das Modell gelernt hat; wo das Bild liegt, falls es das sagt, wird nicht benutzt.</translation>
        </message>
        <message>
            <source>An image of the kind that the model was trained on, of a known scale.</source>
            <translation>Ein Bild von der Art, an der das Modell gelernt hat, in bekanntem Maßstab.</translation>
        </message>
        <message>
            <source>As many as the model's images have, in their order; all where none is chosen.</source>
            <translation>So viele, wie die Bilder des Modells haben, in deren Reihenfolge; alle, wenn keines gewählt ist.</translation>
        </message>
        <message>
            <source>Ground that it spans, where the image is not georeferenced.</source>
            <translation>Wie viel Boden es abdeckt, wenn das Bild nicht georeferenziert ist.</translation>
        </message>
        <message>
            <source>Which of the model's kinds it is, where several have as many bands.</source>
            <translation>Welche der Bildarten des Modells es ist, wenn mehrere so viele Bänder haben.</translation>
        </message>
        <message>
            <source>What is known of the place besides, in words: they count as much as the image.</source>
            <translation>Was sonst vom Ort bekannt ist, in Worten: sie zählen so viel wie das Bild.</translation>
        </message>
        <message>
            <source>Least distance between the places, and how far around their probability counts.</source>
            <translation>Kleinste Entfernung zwischen den Orten, und wie weit um sie ihre Wahrscheinlichkeit zählt.</translation>
        </message>
        <message>
            <source>Probability of origin</source>
            <translation>Wahrscheinlichkeit der Herkunft</translation>
        </message>
        <message>
            <source>Image</source>
            <translation>Bild</translation>
        </message>
        <message>
            <source>Bands</source>
            <translation>Bänder</translation>
        </message>
        <message>
            <source>Width of the image (kilometres)</source>
            <translation>Breite des Bildes (Kilometer)</translation>
        </message>
        <message>
            <source>Kind of image</source>
            <translation>Art des Bildes</translation>
        </message>
        <message>
            <source>Words</source>
            <translation>Worte</translation>
        </message>
        <message>
            <source>At least so far apart (kilometres)</source>
            <translation>Abstand untereinander mindestens (Kilometer)</translation>
        </message>
        <message>
            <source>The image is no raster file: give one that lies on disk.</source>
            <translation>Das Bild ist keine Rasterdatei: eines angeben, das auf der Platte liegt.</translation>
        </message>
        <message>
            <source>{count} features left out by their ids</source>
            <translation>{count} Objekte nach ihrer Kennung ausgelassen</translation>
        </message>
        <message>
            <source>The samples have no field but identifiers: choose the Field to map.</source>
            <translation>Die Stichproben haben nur Felder mit Kennungen: das zu kartierende Feld wählen.</translation>
        </message>
        <message>
            <source>Rasters to learn from beside the embedding, such as heights or a distance, in any CRS; each band is one. Pixels without a value get none in the map.</source>
            <translation>Raster, aus denen neben dem Embedding gelernt wird, etwa Höhen oder eine Entfernung, in beliebigem KBS; jeder Kanal ist eine. Pixel ohne Wert bekommen in der Karte keinen.</translation>
        </message>
        <message>
            <source>What was learnt before, as Map from samples saves it under Save what was learnt.</source>
            <translation>Was früher gelernt wurde, wie Karte aus Stichproben es unter Gelerntes speichern ablegt.</translation>
        </message>
        <message>
            <source>Points where the value is known, in any CRS.</source>
            <translation>Punkte, an denen der Wert bekannt ist, in beliebigem KBS.</translation>
        </message>
        <message>
            <source>Numbers, or the names of classes. Not set: the first field of numbers, else of text, that is neither an identifier nor a coordinate.</source>
            <translation>Zahlen oder die Namen von Klassen. Ohne Angabe: das erste Feld mit Zahlen, sonst mit Text, das weder Kennung noch Koordinate ist.</translation>
        </message>
        <message>
            <source>Whole numbers may be codes of classes: then say so.</source>
            <translation>Ganze Zahlen können Klassencodes sein: dann hier angeben.</translation>
        </message>
        <message>
            <source>What predicts; of classes logistic regression on the same. The log says what was chosen.</source>
            <translation>Was vorhersagt; bei Klassen logistische Regression auf demselben. Das Protokoll sagt, was gewählt wurde.</translation>
        </message>
        <message>
            <source>Numbers are learnt so transformed; predictions come back as medians, the ends of intervals as they are.</source>
            <translation>Zahlen werden so transformiert gelernt; Vorhersagen kommen als Mediane zurück, die Enden der Intervalle, wie sie sind.</translation>
        </message>
        <message>
            <source>What the map is tested on: random samples have near neighbours, which flatter.</source>
            <translation>Woran die Karte geprüft wird: zufällige Stichproben haben nahe Nachbarn, und das schmeichelt.</translation>
        </message>
        <message>
            <source>A sample of weight 2 counts as two, or has half the variance of noise.</source>
            <translation>Eine Stichprobe vom Gewicht 2 zählt wie zwei, oder hat die halbe Varianz des Rauschens.</translation>
        </message>
        <message>
            <source>Such as sites or surveys: a group is never parted when the map is tested.</source>
            <translation>Etwa Standorte oder Kampagnen: eine Gruppe wird nie geteilt, wenn die Karte geprüft wird.</translation>
        </message>
        <message>
            <source>Such as -9999; several with spaces between them.</source>
            <translation>Etwa -9999; mehrere mit Leerzeichen dazwischen.</translation>
        </message>
        <message>
            <source>Such as the samples that hurt most, by the ids that the report and the panel Map from samples have for them; several with spaces between them.</source>
            <translation>Etwa die Stichproben, die am meisten schaden, mit den Kennungen aus dem Bericht oder dem Bedienfeld Karte aus Stichproben; mehrere durch Leerzeichen getrennt.</translation>
        </message>
        <message>
            <source>Save what was learnt</source>
            <translation>Gelerntes speichern</translation>
        </message>
        <message>
            <source>Saved map (*.npz)</source>
            <translation>Gespeicherte Karte (*.npz)</translation>
        </message>
        <message>
            <source>To draw the same map elsewhere, or to predict at points.</source>
            <translation>Um dieselbe Karte anderswo zu zeichnen oder an Punkten vorherzusagen.</translation>
        </message>
        <message>
            <source>Numbers that mean no value: {text} is not numbers with spaces between them.</source>
            <translation>Zahlen, die keinen Wert bedeuten: {text} sind keine Zahlen mit Leerzeichen dazwischen.</translation>
        </message>
        <message>
            <source>Ids of features to leave out: {text} is not whole numbers with spaces between them.</source>
            <translation>Kennungen auszulassender Objekte: {text} sind keine ganzen Zahlen mit Leerzeichen dazwischen.</translation>
        </message>
        <message>
            <source>Covariates</source>
            <translation>Kovariablen</translation>
        </message>
        <message>
            <source>The covariate {layer} is no file: save it as a GeoTIFF first.</source>
            <translation>Die Kovariable {layer} ist keine Datei: erst als GeoTIFF speichern.</translation>
        </message>
        <message>
            <source>Saved map</source>
            <translation>Gespeicherte Karte</translation>
        </message>
        <message>
            <source>Samples</source>
            <translation>Stichproben</translation>
        </message>
        <message>
            <source>Field to map</source>
            <translation>Zu kartierendes Feld</translation>
        </message>
        <message>
            <source>The field holds</source>
            <translation>Das Feld enthält</translation>
        </message>
        <message>
            <source>Method</source>
            <translation>Verfahren</translation>
        </message>
        <message>
            <source>Transform of numbers</source>
            <translation>Transformation der Zahlen</translation>
        </message>
        <message>
            <source>Samples left out together</source>
            <translation>Gemeinsam ausgelassene Stichproben</translation>
        </message>
        <message>
            <source>Weights of samples</source>
            <translation>Gewichte der Stichproben</translation>
        </message>
        <message>
            <source>Groups of samples</source>
            <translation>Gruppen der Stichproben</translation>
        </message>
        <message>
            <source>Numbers that mean no value</source>
            <translation>Zahlen, die keinen Wert bedeuten</translation>
        </message>
        <message>
            <source>Ids of features to leave out</source>
            <translation>Kennungen auszulassender Objekte</translation>
        </message>
        <message>
            <source>The layer of samples cannot be read.</source>
            <translation>Der Layer der Stichproben ist nicht lesbar.</translation>
        </message>
        <message>
            <source>what its type says</source>
            <translation>was sein Typ sagt</translation>
        </message>
        <message>
            <source>numbers</source>
            <translation>Zahlen</translation>
        </message>
        <message>
            <source>classes</source>
            <translation>Klassen</translation>
        </message>
        <message>
            <source>mean of all, weighed by cross-validation</source>
            <translation>Mittel aller, durch Kreuzvalidierung gewichtet</translation>
        </message>
        <message>
            <source>linear, on the embedding</source>
            <translation>linear, auf dem Embedding</translation>
        </message>
        <message>
            <source>kriging on the place</source>
            <translation>Kriging auf dem Ort</translation>
        </message>
        <message>
            <source>Gaussian process on both</source>
            <translation>Gauß-Prozess auf beidem</translation>
        </message>
        <message>
            <source>none</source>
            <translation>keine</translation>
        </message>
        <message>
            <source>log(1 + x), of skewed amounts</source>
            <translation>log(1 + x), von schiefen Mengen</translation>
        </message>
        <message>
            <source>log(x / (1 - x)), of shares</source>
            <translation>log(x / (1 - x)), von Anteilen</translation>
        </message>
        <message>
            <source>as far apart as pixels are from samples (kNNDM)</source>
            <translation>so weit auseinander wie Pixel von Stichproben (kNNDM)</translation>
        </message>
        <message>
            <source>blocks of near samples</source>
            <translation>Blöcke naher Stichproben</translation>
        </message>
        <message>
            <source>random ones</source>
            <translation>zufällige</translation>
        </message>
        <message>
            <source>The samples have no field {name}.</source>
            <translation>Die Stichproben haben kein Feld {name}.</translation>
        </message>
        <message>
            <source>Field to map: {field}</source>
            <translation>Zu kartierendes Feld: {field}</translation>
        </message>
        <message>
            <source>Join look-alikes</source>
            <translation>Doppelgänger verbinden</translation>
        </message>
        <message>
            <source>Finds for each feature those of another layer, or of its own, that are most like it, and joins their fields: rank, similarity (the cosine of their embeddings, -1 to 1), distance_km between their centroids, and the chosen fields with like_ before their names.

A feature comes once for each look-alike. Within one layer a feature is never its own look-alike. Polygons count by the mean over their area, lines by that along them.</source>
            <translation>Findet zu jedem Objekt die eines anderen Layers, oder des eigenen, die ihm am ähnlichsten sind, und verbindet deren Felder: rank, similarity (der Kosinus ihrer Embeddings, -1 bis 1), distance_km zwischen den Schwerpunkten, und die gewählten Felder mit like_ vor ihren Namen.

Ein Objekt kommt einmal für jeden Doppelgänger. In einem Layer ist keines sein eigener Doppelgänger. Polygone zählen mit dem Mittel über ihre Fläche, Linien mit dem entlang ihrer Länge.</translation>
        </message>
        <message>
            <source>Look-alikes from</source>
            <translation>Doppelgänger aus</translation>
        </message>
        <message>
            <source>Features to choose from: all of a layer, or the selected ones.</source>
            <translation>Objekte, aus denen gewählt wird: alle eines Layers oder die gewählten.</translation>
        </message>
        <message>
            <source>Those that are joined; all where none is chosen.</source>
            <translation>Die verbunden werden; alle, wenn keines gewählt ist.</translation>
        </message>
        <message>
            <source>How many, the most similar first.</source>
            <translation>Wie viele, die ähnlichsten zuerst.</translation>
        </message>
        <message>
            <source>Look-alikes</source>
            <translation>Doppelgänger</translation>
        </message>
        <message>
            <source>Fields of look-alikes</source>
            <translation>Felder der Doppelgänger</translation>
        </message>
        <message>
            <source>Look-alikes of each feature</source>
            <translation>Doppelgänger je Objekt</translation>
        </message>
        <message>
            <source>{name}, look-alikes from {others}</source>
            <translation>{name}, Doppelgänger aus {others}</translation>
        </message>
        <message>
            <source>Method: {method}.</source>
            <translation>Verfahren: {method}.</translation>
        </message>
        <message>
            <source>How good is the map of {field}? Tested on samples whose whole neighbourhood it had not seen:</source>
            <translation>Wie gut ist die Karte von {field}? Geprüft an Stichproben, deren ganze Nachbarschaft sie nicht kannte:</translation>
        </message>
        <message>
            <source>it explains {share:.0f} % of the differences between {samples} samples ({numbers}).</source>
            <translation>sie erklärt {share:.0f} % der Unterschiede zwischen {samples} Stichproben ({numbers}).</translation>
        </message>
        <message>
            <source>Map from samples</source>
            <translation>Karte aus Stichproben</translation>
        </message>
        <message>
            <source>Learns from a point layer how a number or class depends on the place, and maps it.

Numbers by the mean of ridge regression on the embeddings, kriging on the places, and a Gaussian process on both, weighed by how well each does; classes by logistic regression, on the embeddings or on a kernel of place and embedding. All is chosen and scored by cross-validation on samples as far from those learnt from as the pixels are from the samples. The last lines of the log say how good the map is, from R² for numbers and balanced accuracy for classes; where samples lie outside the extent, the score is that of those within it. Look at it before you trust the map.</source>
            <translation>Lernt aus einem Punktlayer, wie eine Zahl oder Klasse vom Ort abhängt, und kartiert sie.

Zahlen durch das Mittel aus Ridge-Regression auf den Embeddings, Kriging auf den Orten und einem Gauß-Prozess auf beidem, danach gewichtet, wie gut jedes ist; Klassen durch logistische Regression, auf den Embeddings oder auf einem Kern von Ort und Embedding. Alles wird durch Kreuzvalidierung gewählt und bewertet, an Stichproben, die so weit von denen liegen, aus denen gelernt wurde, wie die Pixel von den Stichproben. Die letzten Zeilen des Protokolls sagen, wie gut die Karte ist, mit R² für Zahlen und ausgewogener Genauigkeit für Klassen; liegen Stichproben außerhalb der Ausdehnung, so gilt die Bewertung denen innerhalb. Sehen Sie sie an, bevor Sie der Karte trauen.</translation>
        </message>
        <message>
            <source>{field}, standard error</source>
            <translation>{field}, Standardfehler</translation>
        </message>
        <message>
            <source>{field}, chance of another class (%)</source>
            <translation>{field}, Wahrscheinlichkeit einer anderen Klasse (%)</translation>
        </message>
        <message>
            <source>{share:.0f} % of the pixels lie outside its area of applicability, where that says nothing.</source>
            <translation>{share:.0f} % der Pixel liegen außerhalb ihres Anwendbarkeitsbereichs, wo das nichts besagt.</translation>
        </message>
        <message>
            <source>How good is the map of {field}? Tested on samples as far from those it had learnt from as the pixels are from the samples:</source>
            <translation>Wie gut ist die Karte von {field}? Geprüft an Stichproben, die von den gelernten so weit entfernt sind wie die Pixel von den Stichproben:</translation>
        </message>
        <message>
            <source>How good is the map of {field}? Tested on samples drawn at random, near others that it had learnt from:</source>
            <translation>Wie gut ist die Karte von {field}? Geprüft an zufällig gezogenen Stichproben, nahe bei anderen, aus denen sie gelernt hat:</translation>
        </message>
        <message>
            <source>weighted mean of ridge regression, kriging and a Gaussian process</source>
            <translation>gewichtetes Mittel aus Ridge-Regression, Kriging und Gauß-Prozess</translation>
        </message>
        <message>
            <source>it names the right class for {accuracy:.0f} % of {samples} samples, {balanced:.0f} % in the mean of the classes (balanced accuracy {value:.2f}, macro F1 {f1:.2f}).</source>
            <translation>sie nennt bei {accuracy:.0f} % von {samples} Stichproben die richtige Klasse, {balanced:.0f} % im Mittel der Klassen (ausgewogene Genauigkeit {value:.2f}, Makro-F1 {f1:.2f}).</translation>
        </message>
        <message>
            <source>it is no better than the mean of all samples ({numbers}): do not trust the map.</source>
            <translation>sie ist nicht besser als das Mittel aller Stichproben ({numbers}): der Karte nicht trauen.</translation>
        </message>
        <message>
            <source>One more band for each class, in whole per cent.</source>
            <translation>Ein weiterer Kanal je Klasse, in ganzen Prozent.</translation>
        </message>
        <message>
            <source>Of numbers six more bands: standard error, lower and upper end of the 90 % interval, dissimilarity index, area of applicability (1 inside), and the distance to the nearest sample in km. Of classes two: the chance that it is another one, in per cent, and the area of applicability.</source>
            <translation>Bei Zahlen sechs weitere Bänder: Standardfehler, unteres und oberes Ende des 90-%-Intervalls, Unähnlichkeitsindex, Anwendbarkeitsbereich (innen 1) und die Entfernung zur nächsten Stichprobe in km. Bei Klassen zwei: die Wahrscheinlichkeit, dass es eine andere ist, in Prozent, und der Anwendbarkeitsbereich.</translation>
        </message>
        <message>
            <source>Map</source>
            <translation>Karte</translation>
        </message>
        <message>
            <source>Save report</source>
            <translation>Bericht speichern</translation>
        </message>
        <message>
            <source>How good the map is, on one page: the map and its error, folds, plots, and the samples that hurt most. As .json: all scores and counts.</source>
            <translation>Wie gut die Karte ist, auf einer Seite (englisch): die Karte und ihr Fehler, Teilmengen der Kreuzvalidierung, Diagramme und die Stichproben, die am meisten schaden. Als .json: alle Ergebnisse und Anzahlen.</translation>
        </message>
        <message>
            <source>Only {count} of the {samples} samples lie within the extent, too few to say how good the map is there. Of all samples:</source>
            <translation>Nur {count} der {samples} Stichproben liegen innerhalb der Ausdehnung, zu wenige, um zu sagen, wie gut die Karte dort ist. Von allen Stichproben:</translation>
        </message>
        <message>
            <source>Within the extent ({count} of the {samples} samples):</source>
            <translation>Innerhalb der Ausdehnung ({count} der {samples} Stichproben):</translation>
        </message>
        <message>
            <source>kernel logistic regression on place and embedding</source>
            <translation>logistische Kernregression auf Ort und Embedding</translation>
        </message>
        <message>
            <source>R² {r2:.2f}, a typical error of {mae:.3g} (mean absolute), RMSE {rmse:.3g}</source>
            <translation>R² {r2:.2f}, ein typischer Fehler von {mae:.3g} (mittlerer absoluter), RMSE {rmse:.3g}</translation>
        </message>
        <message>
            <source>Probability of each class too</source>
            <translation>Auch die Wahrscheinlichkeit jeder Klasse</translation>
        </message>
        <message>
            <source>Uncertainty too</source>
            <translation>Auch die Unsicherheit</translation>
        </message>
        <message>
            <source>Cross-validated score</source>
            <translation>Kreuzvalidiertes Ergebnis</translation>
        </message>
        <message>
            <source>The scores in one line</source>
            <translation>Die Ergebnisse in einer Zeile</translation>
        </message>
        <message>
            <source>{field}, mapped</source>
            <translation>{field}, kartiert</translation>
        </message>
        <message>
            <source>Writing the report</source>
            <translation>Der Bericht wird geschrieben</translation>
        </message>
        <message>
            <source>Of all samples:</source>
            <translation>Von allen Stichproben:</translation>
        </message>
        <message>
            <source>The saved map of {field}, where it was fitted:</source>
            <translation>Die gespeicherte Karte von {field}, wo sie gelernt wurde:</translation>
        </message>
        <message>
            <source>ridge regression on the embedding</source>
            <translation>Ridge-Regression auf dem Embedding</translation>
        </message>
        <message>
            <source>Page (*.html)</source>
            <translation>Seite (*.html)</translation>
        </message>
        <message>
            <source>Scores (*.json)</source>
            <translation>Ergebnisse (*.json)</translation>
        </message>
        <message>
            <source>logistic regression on the embedding</source>
            <translation>logistische Regression auf dem Embedding</translation>
        </message>
        <message>
            <source>kernel logistic regression on the place</source>
            <translation>logistische Kernregression auf dem Ort</translation>
        </message>
        <message>
            <source>Map from saved map</source>
            <translation>Karte aus gespeicherter Karte</translation>
        </message>
        <message>
            <source>Draws a map of what was learnt before, without the samples: elsewhere, or finer.

Map from samples saves it, under Save what was learnt. Model and covariates have to be the same; layers of covariates are told by their names. The log says how much of the extent lies outside the area of applicability, where the score does not hold.</source>
            <translation>Zeichnet eine Karte dessen, was früher gelernt wurde, ohne die Stichproben: anderswo oder feiner.

Karte aus Stichproben speichert es unter Gelerntes speichern. Modell und Kovariablen müssen dieselben sein; Layer von Kovariablen werden an ihren Namen erkannt. Das Protokoll sagt, welcher Teil der Ausdehnung außerhalb des Anwendbarkeitsbereichs liegt, wo die Güte nicht gilt.</translation>
        </message>
        <message>
            <source>Outside the area of applicability</source>
            <translation>Außerhalb des Anwendbarkeitsbereichs</translation>
        </message>
        <message>
            <source>With the uncertainty: where the map is of places unlike all samples, so that its error says nothing, as hatched polygons.</source>
            <translation>Mit der Unsicherheit: wo die Karte Orte zeigt, die keiner Stichprobe gleichen, sodass ihr Fehler nichts sagt, als schraffierte Polygone.</translation>
        </message>
        <message>
            <source>Places unlike all samples: the error of the map says nothing there</source>
            <translation>Orte, die keiner Stichprobe gleichen: der Fehler der Karte sagt dort nichts</translation>
        </message>
        <message>
            <source>Properties of places</source>
            <translation>Eigenschaften von Orten</translation>
        </message>
        <message>
            <source>Writes what places are like as bands: temperature, rain, elevation, greenness, land cover, night light, people, climate zone.

They are read from the embedding by small models that were fitted to public maps: predictions, not measurements. The log and the file say how far off they were at places left out, and where the labels come from. On water only the land cover is known. The first band is shown; the others are in the same file.</source>
            <translation>Schreibt als Bänder, wie Orte sind: Temperatur, Regen, Höhe, Grün, Landbedeckung, Licht bei Nacht, Einwohner, Klimazone.

Sie werden aus dem Embedding gelesen, von kleinen Modellen, die an öffentliche Karten angepasst wurden: Vorhersagen, keine Messungen. Protokoll und Datei sagen, wie weit sie an ausgelassenen Orten danebenlagen und woher ihre Werte stammen. Auf Wasser ist nur die Landbedeckung bekannt. Gezeigt wird das erste Band; die anderen stehen in derselben Datei.</translation>
        </message>
        <message>
            <source>A band for each number; a class takes two, its code and its probability.</source>
            <translation>Ein Band für jede Zahl; eine Klasse hat zwei, ihren Code und ihre Wahrscheinlichkeit.</translation>
        </message>
        <message>
            <source>Properties</source>
            <translation>Eigenschaften</translation>
        </message>
        <message>
            <source>{property}: predicted; {error} in blocks of {side:g}° left out; {source}</source>
            <translation>{property}: vorhergesagt; {error} in ausgelassenen Blöcken von {side:g}°; {source}</translation>
        </message>
        <message>
            <source>A point layer in any CRS; all features or the selected ones.</source>
            <translation>Ein Punktlayer in beliebigem KBS; alle oder die gewählten Objekte.</translation>
        </message>
        <message>
            <source>Points</source>
            <translation>Punkte</translation>
        </message>
        <message>
            <source>The layer of points cannot be read.</source>
            <translation>Der Punktlayer ist nicht lesbar.</translation>
        </message>
        <message>
            <source>Stopped on request; the layer holds what was done so far.</source>
            <translation>Auf Wunsch angehalten; der Layer enthält, was bis dahin fertig war.</translation>
        </message>
        <message>
            <source>{target} is what is read: write to another file or table.</source>
            <translation>{target} ist das, was gelesen wird: in eine andere Datei oder Tabelle schreiben.</translation>
        </message>
        <message>
            <source>The layer already has {names}: change Prefix of the new fields.</source>
            <translation>Der Layer hat schon {names}: Präfix der neuen Felder ändern.</translation>
        </message>
        <message>
            <source>A Shapefile holds {most} fields at most: write a GeoPackage.</source>
            <translation>Ein Shapefile fasst höchstens {most} Felder: ein GeoPackage schreiben.</translation>
        </message>
        <message>
            <source>the disk may be full</source>
            <translation>vielleicht ist der Datenträger voll</translation>
        </message>
        <message>
            <source>Predict at points</source>
            <translation>An Punkten vorhersagen</translation>
        </message>
        <message>
            <source>Copies a point layer and adds what is predicted for each point, with its error: learnt from samples as Map from samples learns, or by a saved map.

New fields for numbers: the value, its standard error, both ends of the 90 % interval; for classes the most probable one and its probability. For both the dissimilarity index, whether the point lies inside the area of applicability (1) or not (0), and the distance to the nearest sample in km.</source>
            <translation>Kopiert einen Punktlayer und ergänzt, was für jeden Punkt vorhergesagt wird, mit seinem Fehler: aus Stichproben gelernt, wie Karte aus Stichproben lernt, oder aus einer gespeicherten Karte.

Neue Felder für Zahlen: der Wert, sein Standardfehler, beide Enden des 90-%-Intervalls; für Klassen die wahrscheinlichste und ihre Wahrscheinlichkeit. Für beide der Unähnlichkeitsindex, ob der Punkt im Anwendbarkeitsbereich liegt (1) oder nicht (0), und die Entfernung zur nächsten Stichprobe in km.</translation>
        </message>
        <message>
            <source>{count} features predicted, {share:.0f} % outside the area of applicability.</source>
            <translation>{count} Objekte vorhergesagt, {share:.0f} % außerhalb des Anwendbarkeitsbereichs.</translation>
        </message>
        <message>
            <source>One more field for each class.</source>
            <translation>Ein weiteres Feld je Klasse.</translation>
        </message>
        <message>
            <source>Fields are called after what is predicted, with this before it.</source>
            <translation>Felder heißen nach dem, was vorhergesagt wird, mit diesem davor.</translation>
        </message>
        <message>
            <source>Predicted points</source>
            <translation>Vorhergesagte Punkte</translation>
        </message>
        <message>
            <source>Give either samples to learn from, or a saved map.</source>
            <translation>Entweder Stichproben angeben, aus denen gelernt wird, oder eine gespeicherte Karte.</translation>
        </message>
        <message>
            <source>Embedding raster</source>
            <translation>Embedding-Raster</translation>
        </message>
        <message>
            <source>Writes location embeddings as a GeoTIFF, one band for each dimension, sampled at the centres of pixels.

The model turns longitude and latitude into 256 numbers that say what the place is like; nothing is downloaded. Pixels far finer than what the model resolves are smooth interpolation.</source>
            <translation>Schreibt Orts-Embeddings als GeoTIFF, ein Kanal je Dimension, in den Mittelpunkten der Pixel.

Das Modell macht aus Länge und Breite 256 Zahlen, die sagen, wie der Ort ist; es wird nichts heruntergeladen. Pixel, die viel feiner sind als das, was das Modell auflöst, sind glatte Interpolation.</translation>
        </message>
        <message>
            <source>Similarity to places</source>
            <translation>Ähnlichkeit zu Orten</translation>
        </message>
        <message>
            <source>Maps how alike every pixel is to one place: the cosine of the angle between their embeddings, -1 to 1. With several places, or counter-examples, a classifier tells them from random land: the chance that a pixel is like them, 0 to 1.

Give a point, a point layer, or the selected features of one. Compare with the values elsewhere before you trust a threshold: even unrelated places are a little alike.</source>
            <translation>Kartiert, wie ähnlich jedes Pixel einem Ort ist: der Kosinus des Winkels zwischen ihren Embeddings, -1 bis 1. Bei mehreren Orten oder Gegenbeispielen unterscheidet ein Klassifikator sie von zufälligem Land: die Wahrscheinlichkeit, dass ein Pixel ihnen gleicht, 0 bis 1.

Anzugeben sind ein Punkt, ein Punktlayer oder die gewählten Objekte eines solchen. Vor einer Schwelle sollte man mit den Werten anderswo vergleichen: auch Orte ohne Bezug sind einander etwas ähnlich.</translation>
        </message>
        <message>
            <source>Embedding colours (RGB)</source>
            <translation>Embedding-Farben (RGB)</translation>
        </message>
        <message>
            <source>Shows the first three principal components of the embeddings as red, green and blue: places of like colour are alike.

The components are fitted on a sample of the pixels and stretched from the 2nd to the 98th percentile. Save them as a basis to give another extent the same colours.</source>
            <translation>Zeigt die ersten drei Hauptkomponenten der Embeddings als Rot, Grün und Blau: Orte ähnlicher Farbe sind einander ähnlich.

Die Komponenten werden an einer Stichprobe der Pixel bestimmt und vom 2. bis zum 98. Perzentil gestreckt. Als Basis gespeichert geben sie einer anderen Ausdehnung dieselben Farben.</translation>
        </message>
        <message>
            <source>Tolerance</source>
            <translation>Toleranz</translation>
        </message>
        <message>
            <source>Smooth models are interpolated where they are off by less than this share of the standard deviation, measured in every block: many times as fast. 0: every pixel is evaluated. Not set: 0.0001 where the type of the data does not show it (int16, uint8, float16, colours), else 0. The model that comes with the plugin is fast without.</source>
            <translation>Glatte Modelle werden interpoliert, wo sie um weniger als diesen Teil der Standardabweichung abweichen; das wird in jedem Block gemessen und ist um ein Vielfaches schneller. 0: Jedes Pixel wird berechnet. Leer: 0,0001, wo der Datentyp es nicht zeigt (int16, uint8, float16, Farben), sonst 0. Das mitgelieferte Modell ist ohnehin schnell.</translation>
        </message>
        <message>
            <source>GeoTIFF</source>
            <translation>GeoTIFF</translation>
        </message>
        <message>
            <source>Cloud-optimised GeoTIFF (COG)</source>
            <translation>Cloud-optimiertes GeoTIFF (COG)</translation>
        </message>
        <message>
            <source>Both open in QGIS and are .tif files. A COG is for reading parts of it over the network, and has overviews of embeddings, so that all of it is drawn quickly; it takes longer to write.</source>
            <translation>Beide öffnen sich in QGIS und sind .tif-Dateien. Ein COG lässt sich in Teilen über das Netz lesen und hat Übersichten auch von Embeddings, so dass es als Ganzes schnell gezeichnet wird; es zu schreiben dauert länger.</translation>
        </message>
        <message>
            <source>A GeoTIFF (.tif) with names of bands and the origin of the model inside.</source>
            <translation>Ein GeoTIFF (.tif) mit den Namen der Kanäle und der Herkunft des Modells.</translation>
        </message>
        <message>
            <source>float16 and int16 take half the space, uint8 a quarter. Whole numbers are scaled to norm 1; QGIS shows the values that they stand for.</source>
            <translation>float16 und int16 brauchen halb so viel Platz, uint8 ein Viertel. Ganze Zahlen sind auf Norm 1 skaliert; QGIS zeigt die Werte, für die sie stehen.</translation>
        </message>
        <message>
            <source>Then a product of two embeddings is their cosine similarity.</source>
            <translation>Dann ist das Produkt zweier Embeddings ihre Kosinus-Ähnlichkeit.</translation>
        </message>
        <message>
            <source>Only the first ones, where 256 bands are too many; all where it is empty.</source>
            <translation>Nur die ersten, wo 256 Kanäle zu viele sind; alle, wo nichts steht.</translation>
        </message>
        <message>
            <source>Similarity</source>
            <translation>Ähnlichkeit</translation>
        </message>
        <message>
            <source>Use the colours of another picture; fitted on this one where not given.</source>
            <translation>Die Farben eines anderen Bildes verwenden; ohne Angabe an diesem bestimmt.</translation>
        </message>
        <message>
            <source>Save basis</source>
            <translation>Basis speichern</translation>
        </message>
        <message>
            <source>Basis (*.json)</source>
            <translation>Basis (*.json)</translation>
        </message>
        <message>
            <source>A small file to use the same colours again for another extent.</source>
            <translation>Eine kleine Datei, um dieselben Farben für eine andere Ausdehnung wieder zu verwenden.</translation>
        </message>
        <message>
            <source>Embedding colours</source>
            <translation>Embedding-Farben</translation>
        </message>
        <message>
            <source>Format</source>
            <translation>Format</translation>
        </message>
        <message>
            <source>Data type</source>
            <translation>Datentyp</translation>
        </message>
        <message>
            <source>Scale embeddings to norm 1</source>
            <translation>Embeddings auf Norm 1 skalieren</translation>
        </message>
        <message>
            <source>Similarity to {place}</source>
            <translation>Ähnlichkeit zu {place}</translation>
        </message>
        <message>
            <source>Basis of another picture</source>
            <translation>Basis eines anderen Bildes</translation>
        </message>
        <message>
            <source>{width} x {height} pixels in {crs}, model {model}</source>
            <translation>{width} x {height} Pixel in {crs}, Modell {model}</translation>
        </message>
        <message>
            <source>Similarity to {count} places</source>
            <translation>Ähnlichkeit zu {count} Orten</translation>
        </message>
        <message>
            <source>{target} is no GeoTIFF by its name: let it end in .tif.</source>
            <translation>{target} ist dem Namen nach kein GeoTIFF: auf .tif enden lassen.</translation>
        </message>
        <message>
            <source>{dtype}: 1 - cosine is {mean:.2g} in the mean, {most:.2g} at most</source>
            <translation>{dtype}: 1 - Kosinus ist im Mittel {mean:.2g}, höchstens {most:.2g}</translation>
        </message>
        <message>
            <source>The colours show {share:.0f} % of the variance.</source>
            <translation>Die Farben zeigen {share:.0f} % der Varianz.</translation>
        </message>
        <message>
            <source>The layer holds geometries that are no points ({kind}): choose Centroids of lines and polygons, or give a layer of points.</source>
            <translation>Der Layer enthält Geometrien, die keine Punkte sind ({kind}): „Schwerpunkte von Linien und Polygonen“ wählen oder einen Punktlayer angeben.</translation>
        </message>
        <message>
            <source>Lines and polygons count by their centroids. Not set: a layer with any is refused.</source>
            <translation>Bei Linien und Polygonen zählt der Schwerpunkt. Nicht gesetzt: ein Layer mit solchen wird abgelehnt.</translation>
        </message>
        <message>
            <source>mean of the similarities</source>
            <translation>Mittel der Ähnlichkeiten</translation>
        </message>
        <message>
            <source>largest similarity</source>
            <translation>größte Ähnlichkeit</translation>
        </message>
        <message>
            <source>classifier (against random land)</source>
            <translation>Klassifikator (gegen zufälliges Land)</translation>
        </message>
        <message>
            <source>Least distance between the places found. Not set: what the model resolves, for nearer places are hardly two to it. 0: none.</source>
            <translation>Kleinster Abstand zwischen den gefundenen Orten. Ohne Angabe: was das Modell auflöst, denn nähere Orte sind ihm kaum zwei. 0: keiner.</translation>
        </message>
        <message>
            <source>A place to compare with: click on the map, or type x,y [CRS].</source>
            <translation>Ein Ort zum Vergleich: in die Karte klicken oder x,y [KBS] eingeben.</translation>
        </message>
        <message>
            <source>Points to compare with, all or the selected ones; also together with the place.</source>
            <translation>Punkte zum Vergleich, alle oder die gewählten; auch zusammen mit dem Ort.</translation>
        </message>
        <message>
            <source>A place that is not meant, though the result may take it for alike.</source>
            <translation>Ein Ort, der nicht gemeint ist, auch wenn das Ergebnis ihn für ähnlich hält.</translation>
        </message>
        <message>
            <source>Points that are not meant, all or the selected ones.</source>
            <translation>Punkte, die nicht gemeint sind, alle oder die gewählten.</translation>
        </message>
        <message>
            <source>What a pixel gets where there are several places to compare with: the chance of being like them and not like random land, or the mean or largest cosine.</source>
            <translation>Was ein Pixel erhält, wenn es mit mehreren Orten verglichen wird: die Wahrscheinlichkeit, ihnen und nicht zufälligem Land zu gleichen, oder der mittlere oder größte Kosinus.</translation>
        </message>
        <message>
            <source>The random land that it is held against. That of the extent shows contrasts within it; against all land a place has the same chance in any extent, so that tiles of one map agree.</source>
            <translation>Das zufällige Land, mit dem verglichen wird. Das der Ausdehnung zeigt Unterschiede in ihr; gegen alles Land hat ein Ort in jeder Ausdehnung dieselbe Wahrscheinlichkeit, sodass Kacheln einer Karte zueinander passen.</translation>
        </message>
        <message>
            <source>Centroids of lines and polygons</source>
            <translation>Schwerpunkte von Linien und Polygonen</translation>
        </message>
        <message>
            <source>Number of places</source>
            <translation>Anzahl der Orte</translation>
        </message>
        <message>
            <source>Place</source>
            <translation>Ort</translation>
        </message>
        <message>
            <source>Places of a layer</source>
            <translation>Orte eines Layers</translation>
        </message>
        <message>
            <source>Counter-example</source>
            <translation>Gegenbeispiel</translation>
        </message>
        <message>
            <source>Counter-examples of a layer</source>
            <translation>Gegenbeispiele eines Layers</translation>
        </message>
        <message>
            <source>Several places</source>
            <translation>Mehrere Orte</translation>
        </message>
        <message>
            <source>Compared with</source>
            <translation>Verglichen mit</translation>
        </message>
        <message>
            <source>There is nothing to compare with: give a place or a layer of places.</source>
            <translation>Es gibt nichts zu vergleichen: einen Ort oder einen Layer mit Orten angeben.</translation>
        </message>
        <message>
            <source>The layer holds no place to compare with.</source>
            <translation>Der Layer enthält keinen Ort zum Vergleichen.</translation>
        </message>
        <message>
            <source>land of the extent</source>
            <translation>Land der Ausdehnung</translation>
        </message>
        <message>
            <source>all land</source>
            <translation>allem Land</translation>
        </message>
        <message>
            <source>{count} features have no usable geometry (null, empty, or off the map).</source>
            <translation>{count} Objekte haben keine brauchbare Geometrie (null, leer oder außerhalb der Karte).</translation>
        </message>
        <message>
            <source>The place {x:g}, {y:g} lies off the map of its CRS.</source>
            <translation>Der Ort {x:g}, {y:g} liegt außerhalb der Karte seines KBS.</translation>
        </message>
        <message>
            <source>Similar areas</source>
            <translation>Ähnliche Gebiete</translation>
        </message>
        <message>
            <source>Finds the areas that are like a place, or several, and gives them as polygons with their size in square kilometres and their mean and largest similarity.

An area is of grid cells that touch along a side and are more alike than a share of all land, or at least as alike as a number says.</source>
            <translation>Findet die Gebiete, die einem Ort oder mehreren ähnlich sind, und gibt sie als Polygone mit ihrer Größe in Quadratkilometern und ihrer mittleren und größten Ähnlichkeit.

Ein Gebiet besteht aus Gitterzellen, die sich an einer Seite berühren und ähnlicher sind als ein Anteil allen Landes, oder mindestens so ähnlich, wie eine Zahl sagt.</translation>
        </message>
        <message>
            <source>The threshold: 95 leaves the 5 percent of land that are most alike.</source>
            <translation>Die Schwelle: 95 lässt die 5 Prozent des Landes, die am ähnlichsten sind.</translation>
        </message>
        <message>
            <source>The threshold as a number, in place of the share of land.</source>
            <translation>Die Schwelle als Zahl, anstelle des Anteils am Land.</translation>
        </message>
        <message>
            <source>Leaves out smaller areas.</source>
            <translation>Lässt kleinere Gebiete aus.</translation>
        </message>
        <message>
            <source>Polygons with rank, area, similarity and the most similar place.</source>
            <translation>Polygone mit Rang, Fläche, Ähnlichkeit und dem ähnlichsten Ort.</translation>
        </message>
        <message>
            <source>More alike than (percent of land)</source>
            <translation>Ähnlicher als (Prozent des Landes)</translation>
        </message>
        <message>
            <source>Least similarity</source>
            <translation>Kleinste Ähnlichkeit</translation>
        </message>
        <message>
            <source>Least area (square kilometres)</source>
            <translation>Kleinste Fläche (Quadratkilometer)</translation>
        </message>
        <message>
            <source>{count} areas of {km2:.0f} km² in all, at or above {above:.3f}</source>
            <translation>{count} Gebiete mit zusammen {km2:.0f} km², ab {above:.3f}</translation>
        </message>
        <message>
            <source>Similar features</source>
            <translation>Ähnliche Objekte</translation>
        </message>
        <message>
            <source>Copies a layer and says of each feature how alike it is to some examples: selected features of the same layer, say, or those of another one.

With one example it is the cosine of their embeddings, -1 to 1; with several, or with counter-examples, the chance of being like them and not like random land, 0 to 1. Polygons count by the mean over their area, lines by that along them.</source>
            <translation>Kopiert einen Layer und sagt von jedem Objekt, wie ähnlich es einigen Beispielen ist: gewählten Objekten desselben Layers etwa, oder denen eines anderen.

Bei einem Beispiel ist es der Kosinus der Embeddings, -1 bis 1; bei mehreren oder mit Gegenbeispielen die Chance, wie sie zu sein und nicht wie zufälliges Land, 0 bis 1. Polygone zählen mit dem Mittel über ihre Fläche, Linien mit dem entlang ihrer Länge.</translation>
        </message>
        <message>
            <source>Examples</source>
            <translation>Beispiele</translation>
        </message>
        <message>
            <source>Features to be like: all of a layer, or the selected ones.</source>
            <translation>Objekte, denen andere ähneln sollen: alle eines Layers oder die gewählten.</translation>
        </message>
        <message>
            <source>Counter-examples</source>
            <translation>Gegenbeispiele</translation>
        </message>
        <message>
            <source>Features that are not meant, all or the selected ones.</source>
            <translation>Objekte, die nicht gemeint sind, alle oder die gewählten.</translation>
        </message>
        <message>
            <source>What a feature gets where there are several examples to compare with.</source>
            <translation>Was ein Objekt bekommt, wenn es mit mehreren Beispielen verglichen wird.</translation>
        </message>
        <message>
            <source>Features by similarity</source>
            <translation>Objekte nach Ähnlichkeit</translation>
        </message>
        <message>
            <source>Several examples</source>
            <translation>Mehrere Beispiele</translation>
        </message>
        <message>
            <source>{name}, similarity to {examples}</source>
            <translation>{name}, Ähnlichkeit zu {examples}</translation>
        </message>
        <message>
            <source>{count} of {name}</source>
            <translation>{count} aus {name}</translation>
        </message>
        <message>
            <source>Most similar places</source>
            <translation>Ähnlichste Orte</translation>
        </message>
        <message>
            <source>Finds the places of an area that are most like a place, or several, and gives them as points, the most similar first.

The centres of a grid are compared. The places found lie a spacing apart: without one the most similar are all neighbours of one. A distance leaves out what lies near the places themselves.</source>
            <translation>Findet die Orte eines Gebiets, die einem oder mehreren Orten am ähnlichsten sind, und gibt sie als Punkte aus, den ähnlichsten zuerst.

Verglichen werden die Mittelpunkte eines Gitters. Die gefundenen Orte liegen einen Mindestabstand auseinander: ohne ihn sind die ähnlichsten alle Nachbarn eines einzigen. Eine Entfernung lässt aus, was nahe bei den Orten selbst liegt.</translation>
        </message>
        <message>
            <source>How many grid cells are wanted, the most similar first.</source>
            <translation>Wie viele Gitterzellen gewünscht sind, die ähnlichste zuerst.</translation>
        </message>
        <message>
            <source>Leaves out grid cells nearer than this to any of the places.</source>
            <translation>Lässt Gitterzellen aus, die einem der Orte näher sind als dies.</translation>
        </message>
        <message>
            <source>Points with rank, similarity, longitude and latitude.</source>
            <translation>Punkte mit Rang, Ähnlichkeit, Länge und Breite.</translation>
        </message>
        <message>
            <source>At least so far away from the places (kilometres)</source>
            <translation>Abstand zu den Orten mindestens (Kilometer)</translation>
        </message>
        <message>
            <source>Similar places</source>
            <translation>Ähnliche Orte</translation>
        </message>
        <message>
            <source>Search by words</source>
            <translation>Suche mit Worten</translation>
        </message>
        <message>
            <source>Maps how well every pixel fits words such as “desert near a coast”: the cosine of the angle between the embeddings of the place and of the words, and gives the best places as points.

It takes a model that was trained with words beside places (UniGeoCLIP): “words”, which comes with the plugin, knows some 240 of climate, land cover, relief and countries. A word that the model does not know is left out, with a warning that names the nearest that it knows.</source>
            <translation>Kartiert, wie gut jedes Pixel zu Worten passt, etwa „desert near a coast“: den Kosinus des Winkels zwischen den Embeddings des Ortes und der Worte, und gibt die besten Orte als Punkte aus.

Nötig ist ein Modell, das mit Worten neben Orten trainiert wurde (UniGeoCLIP): „words“, das mitgeliefert wird, kennt etwa 240 zu Klima, Landbedeckung, Relief und Ländern. Ein Wort, das das Modell nicht kennt, wird weggelassen; eine Warnung nennt die nächsten, die es kennt.</translation>
        </message>
        <message>
            <source>How many of the best places are given as points.</source>
            <translation>Wie viele der besten Orte als Punkte ausgegeben werden.</translation>
        </message>
        <message>
            <source>Points, the best first, with what is told of each.</source>
            <translation>Punkte, die besten zuerst, mit dem, was von jedem gesagt wird.</translation>
        </message>
        <message>
            <source>What to look for, in English. Left empty, the words that the model knows are told.</source>
            <translation>Wonach gesucht wird, auf Englisch. Leer gelassen, werden die Worte genannt, die das Modell kennt.</translation>
        </message>
        <message>
            <source>Best places</source>
            <translation>Beste Orte</translation>
        </message>
        <message>
            <source>Give words to look for. The model knows: {words}</source>
            <translation>Worte angeben, nach denen gesucht wird. Das Modell kennt: {words}</translation>
        </message>
        <message>
            <source>&lt;h3&gt;satclip_embedding([geometry[, crs]])&lt;/h3&gt;&lt;p&gt;The embedding of the feature's place, an array of numbers: of a polygon the mean over its land, of a line that along it.&lt;/p&gt;&lt;p&gt;&lt;b&gt;geometry&lt;/b&gt;: another place, in the CRS of the layer, or in crs.&lt;/p&gt;&lt;pre&gt;satclip_embedding()[0]
satclip_embedding(make_point(23.6, -2.9), 'EPSG:4326')&lt;/pre&gt;</source>
            <translation>&lt;h3&gt;satclip_embedding([geometry[, crs]])&lt;/h3&gt;&lt;p&gt;Das Embedding des Ortes eines Objekts, ein Array von Zahlen: eines Polygons das Mittel über sein Land, einer Linie das entlang ihrer Länge.&lt;/p&gt;&lt;p&gt;&lt;b&gt;geometry&lt;/b&gt;: ein anderer Ort, im KBS des Layers oder in crs.&lt;/p&gt;&lt;pre&gt;satclip_embedding()[0]
satclip_embedding(make_point(23.6, -2.9), 'EPSG:4326')&lt;/pre&gt;</translation>
        </message>
        <message>
            <source>&lt;h3&gt;satclip_similarity(a[, b[, crs]])&lt;/h3&gt;&lt;p&gt;The cosine similarity of two places, -1 to 1.&lt;/p&gt;&lt;p&gt;&lt;b&gt;a&lt;/b&gt;, &lt;b&gt;b&lt;/b&gt;: geometries in the CRS of the layer, or in crs; or embeddings, as satclip_embedding gives them. Without b it is the feature's own place.&lt;/p&gt;&lt;pre&gt;satclip_similarity(geometry(get_feature('farms', 'name', 'Hillside')))
satclip_similarity($geometry, make_point(1113195, 5621521))&lt;/pre&gt;</source>
            <translation>&lt;h3&gt;satclip_similarity(a[, b[, crs]])&lt;/h3&gt;&lt;p&gt;Die Kosinus-Ähnlichkeit zweier Orte, -1 bis 1.&lt;/p&gt;&lt;p&gt;&lt;b&gt;a&lt;/b&gt;, &lt;b&gt;b&lt;/b&gt;: Geometrien im KBS des Layers oder in crs; oder Embeddings, wie satclip_embedding sie gibt. Ohne b ist es der Ort des Objekts selbst.&lt;/p&gt;&lt;pre&gt;satclip_similarity(geometry(get_feature('farms', 'name', 'Hillside')))
satclip_similarity($geometry, make_point(1113195, 5621521))&lt;/pre&gt;</translation>
        </message>
        <message>
            <source>&lt;h3&gt;satclip_property(name[, geometry[, crs]])&lt;/h3&gt;&lt;p&gt;A property of the feature's place as the model predicts it: a number, or the name of a class in English. Nothing but the land cover is known on water.&lt;/p&gt;&lt;p&gt;&lt;b&gt;name&lt;/b&gt;: temperature, temperature_january, temperature_july, rain, elevation, greenness, land_cover, night_light, population, koppen, as satclip describe tells them.&lt;/p&gt;&lt;pre&gt;satclip_property('rain')
satclip_property('land_cover') = 'cropland'&lt;/pre&gt;</source>
            <translation>&lt;h3&gt;satclip_property(name[, geometry[, crs]])&lt;/h3&gt;&lt;p&gt;Eine Eigenschaft des Ortes eines Objekts, wie das Modell sie vorhersagt: eine Zahl, oder der Name einer Klasse auf Englisch. Auf Wasser ist nur die Landbedeckung bekannt.&lt;/p&gt;&lt;p&gt;&lt;b&gt;name&lt;/b&gt;: temperature, temperature_january, temperature_july, rain, elevation, greenness, land_cover, night_light, population, koppen, wie satclip describe sie nennt.&lt;/p&gt;&lt;pre&gt;satclip_property('rain')
satclip_property('land_cover') = 'cropland'&lt;/pre&gt;</translation>
        </message>
        <message>
            <source>{count} arguments: give {least} to {most}</source>
            <translation>{count} Argumente: {least} bis {most} angeben</translation>
        </message>
        <message>
            <source>{value} is neither a geometry nor an embedding</source>
            <translation>{value} ist weder eine Geometrie noch ein Embedding</translation>
        </message>
        <message>
            <source>embeddings of {one} and of {other} numbers cannot be compared</source>
            <translation>Embeddings aus {one} und aus {other} Zahlen lassen sich nicht vergleichen</translation>
        </message>
        <message>
            <source>an embedding is an array of numbers</source>
            <translation>ein Embedding ist ein Array von Zahlen</translation>
        </message>
        <message>
            <source>{crs} is no CRS</source>
            <translation>{crs} ist kein KBS</translation>
        </message>
        <message>
            <source>{path} cannot be written: {reason}</source>
            <translation>{path} kann nicht geschrieben werden: {reason}</translation>
        </message>
        <message>
            <source>A location encoder turns a longitude and a latitude into numbers that say what the place looks like from above. This plugin puts them on the map: similar places, groups of places, maps of what was sampled, in words what a place is like.</source>
            <translation>Ein Orts-Encoder macht aus Länge und Breite Zahlen, die sagen, wie der Ort von oben aussieht. Diese Erweiterung bringt sie auf die Karte: ähnliche Orte, Gruppen von Orten, Karten aus Stichproben, und in Worten, wie ein Ort ist.</translation>
        </message>
        <message>
            <source>Nothing is sent anywhere: the model is on this computer.</source>
            <translation>Nichts wird irgendwohin gesandt: das Modell liegt auf diesem Rechner.</translation>
        </message>
        <message>
            <source>The plugin is free software under the GNU General Public License, version 2 or later; the library inside (satclip_core) and its model are under the MIT licence.</source>
            <translation>Die Erweiterung ist freie Software unter der GNU General Public License, Version 2 oder neuer; die Bibliothek darin (satclip_core) und ihr Modell stehen unter der MIT-Lizenz.</translation>
        </message>
        <message>
            <source>The method is SatCLIP's: Klemmer, Rolf, Robinson, Mackey, Rußwurm: Satellite contrastive location-image pretraining, AAAI 2025.</source>
            <translation>Das Verfahren ist das von SatCLIP: Klemmer, Rolf, Robinson, Mackey, Rußwurm: Satellite contrastive location-image pretraining, AAAI 2025.</translation>
        </message>
        <message>
            <source>Blue Marble, Black Marble, land cover and greenness: courtesy of NASA. Relief and sea: NOAA and GEBCO. Countries and capitals: Natural Earth.</source>
            <translation>Blue Marble, Black Marble, Landbedeckung und Grün: mit Dank an die NASA. Relief und See: NOAA und GEBCO. Länder und Hauptstädte: Natural Earth.</translation>
        </message>
        <message>
            <source>About SatCLIP embeddings</source>
            <translation>Über SatCLIP-Embeddings</translation>
        </message>
        <message>
            <source>Plugin</source>
            <translation>Erweiterung</translation>
        </message>
        <message>
            <source>Reading the model…</source>
            <translation>Das Modell wird gelesen…</translation>
        </message>
        <message>
            <source>Reading a model</source>
            <translation>Ein Modell wird gelesen</translation>
        </message>
        <message>
            <source>Home page</source>
            <translation>Startseite</translation>
        </message>
        <message>
            <source>Source code</source>
            <translation>Quelltext</translation>
        </message>
        <message>
            <source>Report a fault</source>
            <translation>Einen Fehler melden</translation>
        </message>
        <message>
            <source>Version {version}, in QGIS {qgis} with Qt {qt}</source>
            <translation>Version {version}, in QGIS {qgis} mit Qt {qt}</translation>
        </message>
        <message>
            <source>Embed layer points…</source>
            <translation>Layerpunkte einbetten…</translation>
        </message>
        <message>
            <source>Select features of a layer first, by which the others are judged.</source>
            <translation>Zuerst Objekte eines Layers wählen, nach denen die anderen beurteilt werden.</translation>
        </message>
        <message>
            <source>Embedding raster…</source>
            <translation>Embedding-Raster…</translation>
        </message>
        <message>
            <source>Embedding colours…</source>
            <translation>Embedding-Farben…</translation>
        </message>
        <message>
            <source>Groups of places…</source>
            <translation>Gruppen von Orten…</translation>
        </message>
        <message>
            <source>Properties of places…</source>
            <translation>Eigenschaften von Orten…</translation>
        </message>
        <message>
            <source>Similar to the selected features…</source>
            <translation>Ähnlich den gewählten Objekten…</translation>
        </message>
        <message>
            <source>Map from samples…</source>
            <translation>Karte aus Stichproben…</translation>
        </message>
        <message>
            <source>Models…</source>
            <translation>Modelle…</translation>
        </message>
        <message>
            <source>Settings…</source>
            <translation>Einstellungen…</translation>
        </message>
        <message>
            <source>Example project…</source>
            <translation>Beispielprojekt…</translation>
        </message>
        <message>
            <source>Help</source>
            <translation>Hilfe</translation>
        </message>
        <message>
            <source>About…</source>
            <translation>Über…</translation>
        </message>
        <message>
            <source>Select a point layer in the Layers panel first.</source>
            <translation>Zuerst im Layerbedienfeld einen Punktlayer wählen.</translation>
        </message>
        <message>
            <source>Embed layer points: select a point layer first</source>
            <translation>Layerpunkte einbetten: zuerst einen Punktlayer wählen</translation>
        </message>
        <message>
            <source>From now on: {model}</source>
            <translation>Ab jetzt: {model}</translation>
        </message>
        <message>
            <source>As counter-examples</source>
            <translation>Als Gegenbeispiele</translation>
        </message>
        <message>
            <source>No layer of points and no selected features</source>
            <translation>Kein Punktlayer und keine gewählten Objekte</translation>
        </message>
        <message>
            <source>Selected features of {layer} ({count})</source>
            <translation>Gewählte Objekte von {layer} ({count})</translation>
        </message>
        <message>
            <source>All points of {layer} ({count})</source>
            <translation>Alle Punkte von {layer} ({count})</translation>
        </message>
        <message>
            <source>In brackets the range of 8 in 10 labels, or the probability of the class; then the error at places left out.</source>
            <translation>In Klammern der Bereich von 8 aus 10 Werten oder die Wahrscheinlichkeit der Klasse; danach der Fehler an ausgelassenen Orten.</translation>
        </message>
        <message>
            <source>Predicted by the model, not measured.</source>
            <translation>Vom Modell vorhergesagt, nicht gemessen.</translation>
        </message>
        <message>
            <source>Alike in {names}</source>
            <translation>Ähnlich: {names}</translation>
        </message>
        <message>
            <source>Apart in {names}</source>
            <translation>Verschieden: {names}</translation>
        </message>
        <message>
            <source>The map is empty. Add a layer to see where you click, or begin with Raster → SatCLIP → Example project.</source>
            <translation>Die Karte ist leer. Fügen Sie einen Layer hinzu, um zu sehen, wohin Sie klicken, oder beginnen Sie mit Raster → SatCLIP → Beispielprojekt.</translation>
        </message>
        <message>
            <source>{text} is no place that is known here: give coordinates such as 47.37 8.54.</source>
            <translation>{text} ist kein Ort, der hier bekannt ist: Koordinaten wie 47,37 8,54 angeben.</translation>
        </message>
        <message>
            <source>Click on the map.</source>
            <translation>In die Karte klicken.</translation>
        </message>
        <message>
            <source>The model {name} is gone: the bundled one is used.</source>
            <translation>Das Modell {name} ist nicht mehr da: es gilt das mitgelieferte.</translation>
        </message>
        <message>
            <source>{taken} of {count} places are taken, drawn at random.</source>
            <translation>{taken} von {count} Orten wurden übernommen, zufällig gezogen.</translation>
        </message>
        <message>
            <source>The layer was removed. A click, or any change of the places, draws it again.</source>
            <translation>Der Layer wurde entfernt. Ein Klick oder jede Änderung der Orte zeichnet ihn wieder.</translation>
        </message>
        <message>
            <source> – a finer picture is coming</source>
            <translation> – ein feineres Bild kommt</translation>
        </message>
        <message>
            <source>{reason}. The model {name} is used until you choose another.</source>
            <translation>{reason}. Bis Sie ein anderes wählen, gilt das Modell {name}.</translation>
        </message>
        <message>
            <source>The map has no coordinate reference system.</source>
            <translation>Die Karte hat kein Koordinatenbezugssystem.</translation>
        </message>
        <message>
            <source>Click on a place that is meant first.</source>
            <translation>Zuerst auf einen Ort klicken, der gemeint ist.</translation>
        </message>
        <message>
            <source>The map does not show this place.</source>
            <translation>Die Karte zeigt diesen Ort nicht.</translation>
        </message>
        <message>
            <source>The places that the project keeps cannot be read ({reason}).</source>
            <translation>Die Orte, die das Projekt enthält, sind nicht lesbar ({reason}).</translation>
        </message>
        <message>
            <source>Embedded every {step:.2g}°</source>
            <translation>Eingebettet alle {step:.2g}°</translation>
        </message>
        <message>
            <source>Embedding the view…</source>
            <translation>Der Ausschnitt wird eingebettet…</translation>
        </message>
        <message>
            <source>There is no place there.</source>
            <translation>Dort ist kein Ort.</translation>
        </message>
        <message>
            <source>, error below {error:.1g} where checked</source>
            <translation>, Fehler an den geprüften Stellen unter {error:.1g}</translation>
        </message>
        <message>
            <source>The file exists: it gets a further table.</source>
            <translation>Die Datei gibt es schon: sie bekommt eine weitere Tabelle.</translation>
        </message>
        <message>
            <source>{path} has a table {table}. Replace it?</source>
            <translation>{path} hat schon eine Tabelle {table}. Ersetzen?</translation>
        </message>
        <message>
            <source>Give the table a name, without quotes and brackets.</source>
            <translation>Der Tabelle einen Namen geben, ohne Anführungszeichen und Klammern.</translation>
        </message>
        <message>
            <source>Embed layer points</source>
            <translation>Layerpunkte einbetten</translation>
        </message>
        <message>
            <source>New layer, a column for each dimension</source>
            <translation>Neuer Layer, eine Spalte je Dimension</translation>
        </message>
        <message>
            <source>New layer, one array field</source>
            <translation>Neuer Layer, ein Array-Feld</translation>
        </message>
        <message>
            <source>Copy as GeoPackage</source>
            <translation>Kopie als GeoPackage</translation>
        </message>
        <message>
            <source>GeoPackage (*.gpkg)</source>
            <translation>GeoPackage (*.gpkg)</translation>
        </message>
        <message>
            <source>Result</source>
            <translation>Ergebnis</translation>
        </message>
        <message>
            <source>File</source>
            <translation>Datei</translation>
        </message>
        <message>
            <source>Table</source>
            <translation>Tabelle</translation>
        </message>
        <message>
            <source>The file has a table of this name: it would be replaced.</source>
            <translation>Die Datei hat eine Tabelle dieses Namens: sie würde ersetzt.</translation>
        </message>
        <message>
            <source>{name} ({count} features)</source>
            <translation>{name} ({count} Objekte)</translation>
        </message>
        <message>
            <source>{path} exists and is no GeoPackage: give another name.</source>
            <translation>{path} gibt es schon, und es ist kein GeoPackage: einen anderen Namen angeben.</translation>
        </message>
        <message>
            <source>{table} is the layer that is read: give the table another name.</source>
            <translation>{table} ist der Layer, der gelesen wird: der Tabelle einen anderen Namen geben.</translation>
        </message>
        <message>
            <source>Adding a table to a GeoPackage</source>
            <translation>Eine Tabelle kommt in ein GeoPackage</translation>
        </message>
        <message>
            <source>{count} points embedded</source>
            <translation>{count} Punkte eingebettet</translation>
        </message>
        <message>
            <source>Selected features only ({count})</source>
            <translation>Nur gewählte Objekte ({count})</translation>
        </message>
        <message>
            <source>it failed</source>
            <translation>es ist fehlgeschlagen</translation>
        </message>
        <message>
            <source>The example lies in {folder}. Help → First steps says what to try.</source>
            <translation>Das Beispiel liegt in {folder}. Hilfe → Erste Schritte sagt, was man ausprobieren kann.</translation>
        </message>
        <message>
            <source>Where shall the example project lie?</source>
            <translation>Wo soll das Beispielprojekt liegen?</translation>
        </message>
        <message>
            <source>Cannot write to {folder}: {reason}</source>
            <translation>In {folder} kann nicht geschrieben werden: {reason}</translation>
        </message>
        <message>
            <source>Similarity to {places}</source>
            <translation>Ähnlichkeit zu {places}</translation>
        </message>
        <message>
            <source>Areas like {places}</source>
            <translation>Gebiete wie {places}</translation>
        </message>
        <message>
            <source>Example</source>
            <translation>Beispiel</translation>
        </message>
        <message>
            <source>Checking {name}</source>
            <translation>{name} wird geprüft</translation>
        </message>
        <message>
            <source>{name} could not be fetched: {reason}</source>
            <translation>{name} konnte nicht geholt werden: {reason}</translation>
        </message>
        <message>
            <source>Coloured: the similarity of the view. Grey line: of random places on land. Click to set the threshold.</source>
            <translation>Farbig: die Ähnlichkeit im Ausschnitt. Graue Linie: die zufälliger Orte an Land. Klicken setzt die Schwelle.</translation>
        </message>
        <message>
            <source>chance of being alike</source>
            <translation>Wahrscheinlichkeit</translation>
        </message>
        <message>
            <source>cosine similarity</source>
            <translation>Kosinus-Ähnlichkeit</translation>
        </message>
        <message>
            <source>No place yet</source>
            <translation>Noch kein Ort</translation>
        </message>
        <message>
            <source>Predicted</source>
            <translation>Vorhergesagt</translation>
        </message>
        <message>
            <source>{count} bands</source>
            <translation>{count} Bänder</translation>
        </message>
        <message>
            <source>Similarity in view</source>
            <translation>Ähnlichkeit im Ausschnitt</translation>
        </message>
        <message>
            <source>{place}: off by {steps} standard errors</source>
            <translation>{place}: {steps} Standardfehler daneben</translation>
        </message>
        <message>
            <source>{place}: {chance} for its own class</source>
            <translation>{place}: {chance} für die eigene Klasse</translation>
        </message>
        <message>
            <source>Leave them out</source>
            <translation>Auslassen</translation>
        </message>
        <message>
            <source>Rows: the class of the sample. Columns: what was said. Click to see the samples.</source>
            <translation>Zeilen: die Klasse der Stichprobe. Spalten: was vorhergesagt wurde. Ein Klick zeigt die Stichproben.</translation>
        </message>
        <message>
            <source>Tick what to leave out. Click on a sample to see it on the map.</source>
            <translation>Ankreuzen, was wegbleiben soll. Ein Klick auf eine Stichprobe zeigt sie auf der Karte.</translation>
        </message>
        <message>
            <source>Test again without the ticked ones</source>
            <translation>Ohne die angekreuzten neu prüfen</translation>
        </message>
        <message>
            <source>; moves the map by {moved} in the mean</source>
            <translation>; verschiebt die Karte im Mittel um {moved}</translation>
        </message>
        <message>
            <source>Samples that hurt most</source>
            <translation>Stichproben, die am meisten schaden</translation>
        </message>
        <message>
            <source>{count} of {all} samples of {own} were taken for {said}</source>
            <translation>{count} von {all} Stichproben von {own} wurden für {said} gehalten</translation>
        </message>
        <message>
            <source>Sample</source>
            <translation>Stichprobe</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>Wert</translation>
        </message>
        <message>
            <source>Without it</source>
            <translation>Ohne sie</translation>
        </message>
        <message>
            <source>Off by</source>
            <translation>Abweichung</translation>
        </message>
        <message>
            <source>Class</source>
            <translation>Klasse</translation>
        </message>
        <message>
            <source>Said</source>
            <translation>Vorhersage</translation>
        </message>
        <message>
            <source>Chance</source>
            <translation>Wahrsch.</translation>
        </message>
        <message>
            <source>Before: {score}</source>
            <translation>Vorher: {score}</translation>
        </message>
        <message>
            <source>left out</source>
            <translation>ausgelassen</translation>
        </message>
        <message>
            <source>GeoTIFF (*.tif *.tiff)</source>
            <translation>GeoTIFF (*.tif *.tiff)</translation>
        </message>
        <message>
            <source>Temporary file</source>
            <translation>Temporäre Datei</translation>
        </message>
        <message>
            <source>Make the map</source>
            <translation>Karte erstellen</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <source>More options…</source>
            <translation>Mehr Optionen…</translation>
        </message>
        <message>
            <source>The same in the dialog of the algorithm: covariates, weights, groups, a report.</source>
            <translation>Dasselbe im Dialog des Algorithmus: Kovariablen, Gewichte, Gruppen, ein Bericht.</translation>
        </message>
        <message>
            <source>Making the map…</source>
            <translation>Die Karte entsteht…</translation>
        </message>
        <message>
            <source>Save as</source>
            <translation>Speichern als</translation>
        </message>
        <message>
            <source>{names}: will be replaced.</source>
            <translation>{names}: wird ersetzt.</translation>
        </message>
        <message>
            <source>{field}, mapped from {layer}</source>
            <translation>{field}, kartiert aus {layer}</translation>
        </message>
        <message>
            <source>The map is there, with its error and where that does not hold.</source>
            <translation>Die Karte ist da, mit ihrem Fehler und wo er nicht gilt.</translation>
        </message>
        <message>
            <source>Add a layer of points where a value is known.</source>
            <translation>Einen Layer mit Punkten hinzufügen, an denen ein Wert bekannt ist.</translation>
        </message>
        <message>
            <source>Testing how well {field} can be mapped…</source>
            <translation>Prüfe, wie gut sich {field} kartieren lässt…</translation>
        </message>
        <message>
            <source>Choose the field to map.</source>
            <translation>Das zu kartierende Feld wählen.</translation>
        </message>
        <message>
            <source>Choose the area to map.</source>
            <translation>Das zu kartierende Gebiet wählen.</translation>
        </message>
        <message>
            <source>Area</source>
            <translation>Gebiet</translation>
        </message>
        <message>
            <source>Pixel size</source>
            <translation>Pixelgröße</translation>
        </message>
        <message>
            <source>Numbers, or the names of classes.</source>
            <translation>Zahlen, oder die Namen von Klassen.</translation>
        </message>
        <message>
            <source>Numbers are codes of classes</source>
            <translation>Zahlen sind Codes von Klassen</translation>
        </message>
        <message>
            <source>around the samples</source>
            <translation>um die Stichproben</translation>
        </message>
        <message>
            <source>what the map shows</source>
            <translation>was die Karte zeigt</translation>
        </message>
        <message>
            <source>a country</source>
            <translation>ein Land</translation>
        </message>
        <message>
            <source>another extent</source>
            <translation>eine andere Ausdehnung</translation>
        </message>
        <message>
            <source>Name in English, or ISO code</source>
            <translation>Englischer Name oder ISO-Code</translation>
        </message>
        <message>
            <source>as the model resolves</source>
            <translation>wie das Modell auflöst</translation>
        </message>
        <message>
            <source>In units of the project's CRS. 0: a quarter of what the model resolves.</source>
            <translation>In Einheiten des Projekt-KBS. 0: ein Viertel dessen, was das Modell auflöst.</translation>
        </message>
        <message>
            <source>No data at sea, where the models have learnt nothing.</source>
            <translation>Keine Daten auf See, wo die Modelle nichts gelernt haben.</translation>
        </message>
        <message>
            <source>observed {observed}, predicted {predicted}; click to see the sample</source>
            <translation>beobachtet {observed}, vorhergesagt {predicted}; ein Klick zeigt die Stichprobe</translation>
        </message>
        <message>
            <source>observed</source>
            <translation>beobachtet</translation>
        </message>
        <message>
            <source>predicted</source>
            <translation>vorhergesagt</translation>
        </message>
        <message>
            <source>Explains {share} % of the differences at places it has not seen; typical error ± {error}.</source>
            <translation>Erklärt {share} % der Unterschiede an Orten, die sie nicht kannte; typischer Fehler ± {error}.</translation>
        </message>
        <message>
            <source>Tested on {count} samples, whole neighbourhoods left out in turn.</source>
            <translation>Geprüft an {count} Stichproben, reihum mit ihrer ganzen Nachbarschaft ausgelassen.</translation>
        </message>
        <message>
            <source>{share} % of the map is unlike all samples: there the score says nothing (hatched on the map).</source>
            <translation>{share} % der Karte gleichen keiner Stichprobe: dort besagt die Güte nichts (auf der Karte schraffiert).</translation>
        </message>
        <message>
            <source>{count} of {all} values look like missing ones or gross errors: {values}. They bend the whole map.</source>
            <translation>{count} von {all} Werten sehen nach fehlenden oder groben Fehlern aus: {values}. Sie verbiegen die ganze Karte.</translation>
        </message>
        <message>
            <source>{width} × {height} pixels of {size} {unit}</source>
            <translation>{width} × {height} Pixel zu {size} {unit}</translation>
        </message>
        <message>
            <source>Right in {right} of 10 places it has not seen. Always saying {common} would be right in {often}.</source>
            <translation>Richtig an {right} von 10 Orten, die sie nicht kannte. Immer {common} zu sagen, wäre an {often} richtig.</translation>
        </message>
        <message>
            <source>No better than the mean of all samples at places it has not seen (typical error ± {error}): do not trust the map.</source>
            <translation>An Orten, die sie nicht kannte, nicht besser als das Mittel aller Stichproben (typischer Fehler ± {error}): der Karte nicht trauen.</translation>
        </message>
        <message>
            <source>Tried on that many of {count} samples; the map learns from all.</source>
            <translation>Erprobt an so vielen von {count} Stichproben; die Karte lernt aus allen.</translation>
        </message>
        <message>
            <source>Tested on {count} samples, left out in turn, as far from the others as the map's pixels are from samples.</source>
            <translation>Geprüft an {count} Stichproben, reihum ausgelassen, so weit von den anderen wie die Pixel der Karte von Stichproben.</translation>
        </message>
        <message>
            <source>Only {count} lie in the area, too few to score it alone.</source>
            <translation>Nur {count} liegen im Gebiet, zu wenige für eine eigene Güte.</translation>
        </message>
        <message>
            <source>The score is that of the {count} in the area.</source>
            <translation>Die Güte ist die der {count} im Gebiet.</translation>
        </message>
        <message>
            <source>Testing a map from samples</source>
            <translation>Eine Karte aus Stichproben prüfen</translation>
        </message>
        <message>
            <source>comes with the plugin</source>
            <translation>kommt mit der Erweiterung</translation>
        </message>
        <message>
            <source>fetched</source>
            <translation>geholt</translation>
        </message>
        <message>
            <source>installed</source>
            <translation>installiert</translation>
        </message>
        <message>
            <source>not fetched</source>
            <translation>nicht geholt</translation>
        </message>
        <message>
            <source>SatCLIP models</source>
            <translation>SatCLIP-Modelle</translation>
        </message>
        <message>
            <source>State</source>
            <translation>Zustand</translation>
        </message>
        <message>
            <source>L</source>
            <translation>L</translation>
        </message>
        <message>
            <source>Effective resolution</source>
            <translation>Effektive Auflösung</translation>
        </message>
        <message>
            <source>Licence</source>
            <translation>Lizenz</translation>
        </message>
        <message>
            <source>Size</source>
            <translation>Größe</translation>
        </message>
        <message>
            <source>Use this model</source>
            <translation>Dieses Modell verwenden</translation>
        </message>
        <message>
            <source>Fetch</source>
            <translation>Holen</translation>
        </message>
        <message>
            <source>Open a file…</source>
            <translation>Datei öffnen…</translation>
        </message>
        <message>
            <source>Close</source>
            <translation>Schließen</translation>
        </message>
        <message>
            <source>Open a model</source>
            <translation>Modell öffnen</translation>
        </message>
        <message>
            <source>Models (*.npz *.ckpt *.pth.tar)</source>
            <translation>Modelle (*.npz *.ckpt *.pth.tar)</translation>
        </message>
        <message>
            <source>Encoder</source>
            <translation>Encoder</translation>
        </message>
        <message>
            <source>SHA-256</source>
            <translation>SHA-256</translation>
        </message>
        <message>
            <source>From</source>
            <translation>Herkunft</translation>
        </message>
        <message>
            <source>Download from the Hugging Face hub, with QGIS' proxy.</source>
            <translation>Vom Hugging Face Hub herunterladen, über den Proxy von QGIS.</translation>
        </message>
        <message>
            <source>Settings → Options → SatCLIP says that nothing may be fetched.</source>
            <translation>Nach Einstellungen → Optionen → SatCLIP darf nichts geholt werden.</translation>
        </message>
        <message>
            <source>noted on the first fetch</source>
            <translation>wird beim ersten Holen vermerkt</translation>
        </message>
        <message>
            <source>file</source>
            <translation>Datei</translation>
        </message>
        <message>
            <source>Fetching {name}…</source>
            <translation>{name} wird geholt…</translation>
        </message>
        <message>
            <source>Stopped.</source>
            <translation>Angehalten.</translation>
        </message>
        <message>
            <source>{name} is here, and checked.</source>
            <translation>{name} ist da und geprüft.</translation>
        </message>
        <message>
            <source>Similar places: only on land</source>
            <translation>Ähnliche Orte: nur an Land</translation>
        </message>
        <message>
            <source>all processors</source>
            <translation>alle Prozessoren</translation>
        </message>
        <message>
            <source>Published models may be fetched when I ask for it</source>
            <translation>Veröffentlichte Modelle dürfen geholt werden, wenn ich es verlange</translation>
        </message>
        <message>
            <source>Threads at most</source>
            <translation>Threads höchstens</translation>
        </message>
        <message>
            <source>Folder of fetched models</source>
            <translation>Ordner geholter Modelle</translation>
        </message>
        <message>
            <source>The model that comes with the plugin needs no folder and no network.</source>
            <translation>Das mitgelieferte Modell braucht weder Ordner noch Netz.</translation>
        </message>
        <message>
            <source>Press Pick places, then click on the map.</source>
            <translation>Auf „Orte wählen“ drücken, dann in die Karte klicken.</translation>
        </message>
        <message>
            <source>Pick places</source>
            <translation>Orte wählen</translation>
        </message>
        <message>
            <source>Whether clicks on the map pick places.</source>
            <translation>Ob Klicks in die Karte Orte wählen.</translation>
        </message>
        <message>
            <source>Collect: each click adds a place</source>
            <translation>Sammeln: Klicks fügen hinzu</translation>
        </message>
        <message>
            <source>Otherwise a click begins anew. Shift-click or Ctrl-click switches this on.</source>
            <translation>Sonst beginnt ein Klick von vorn. Klick mit Umschalt oder Strg schaltet dies ein.</translation>
        </message>
        <message>
            <source>Add</source>
            <translation>Hinzufügen</translation>
        </message>
        <message>
            <source>Places from the features of a layer</source>
            <translation>Orte aus den Objekten eines Layers</translation>
        </message>
        <message>
            <source>Learnt from the places</source>
            <translation>Aus den Orten gelernt</translation>
        </message>
        <message>
            <source>Mean of the places</source>
            <translation>Mittel der Orte</translation>
        </message>
        <message>
            <source>Most similar place</source>
            <translation>Ähnlichster Ort</translation>
        </message>
        <message>
            <source>With several places: what a pixel's similarity is. Learnt: the chance of being like them and not like random land. With counter-examples it is always learnt.</source>
            <translation>Bei mehreren Orten: was die Ähnlichkeit eines Pixels ist. Gelernt: die Wahrscheinlichkeit, ihnen und nicht zufälligem Land zu gleichen. Mit Gegenbeispielen wird immer gelernt.</translation>
        </message>
        <message>
            <source>Leave out the sea, where the models have learnt nothing.</source>
            <translation>Die See auslassen, von der die Modelle nichts gelernt haben.</translation>
        </message>
        <message>
            <source>More similar than</source>
            <translation>Ähnlicher als</translation>
        </message>
        <message>
            <source>Draw only what is more similar than that share of the land.</source>
            <translation>Nur zeichnen, was ähnlicher ist als dieser Anteil des Landes.</translation>
        </message>
        <message>
            <source> % of land</source>
            <translation> % Land</translation>
        </message>
        <message>
            <source>Against this view</source>
            <translation>Gegen den Ausschnitt</translation>
        </message>
        <message>
            <source>Against all land</source>
            <translation>Gegen alles Land</translation>
        </message>
        <message>
            <source>The land that similarity is held against: colours, threshold, and what is learnt from several places go by it. That of this view shows contrasts within it; against all land, colours mean the same in every view.</source>
            <translation>Das Land, mit dem die Ähnlichkeit verglichen wird: danach richten sich Farben, Schwelle und was aus mehreren Orten gelernt wird. Das des Ausschnitts zeigt Unterschiede in ihm; gegen alles Land bedeuten Farben in jedem Ausschnitt dasselbe.</translation>
        </message>
        <message>
            <source>How opaque the layer is</source>
            <translation>Wie deckend der Layer ist</translation>
        </message>
        <message>
            <source>Opacity</source>
            <translation>Deckkraft</translation>
        </message>
        <message>
            <source>Export</source>
            <translation>Exportieren</translation>
        </message>
        <message>
            <source>Similar areas as polygons…</source>
            <translation>Ähnliche Gebiete als Polygone…</translation>
        </message>
        <message>
            <source>Similarity as GeoTIFF…</source>
            <translation>Ähnlichkeit als GeoTIFF…</translation>
        </message>
        <message>
            <source>Places as points…</source>
            <translation>Orte als Punkte…</translation>
        </message>
        <message>
            <source>Model: {name}</source>
            <translation>Modell: {name}</translation>
        </message>
        <message>
            <source>Each click adds a place, Ctrl-click one that is not meant. Clear begins anew.</source>
            <translation>Jeder Klick fügt einen Ort hinzu, mit Strg einen, der nicht gemeint ist. Leeren beginnt von vorn.</translation>
        </message>
        <message>
            <source>Click: what is like this? Shift-click: and like this. Ctrl-click: not this.</source>
            <translation>Klick: was ist wie hier? Mit Umschalt: und wie hier. Mit Strg: nicht wie hier.</translation>
        </message>
        <message>
            <source>Model: {name}, resolves {size}</source>
            <translation>Modell: {name}, löst {size} auf</translation>
        </message>
        <message>
            <source>Coordinates, country or feature</source>
            <translation>Koordinaten, Land oder Objekt</translation>
        </message>
        <message>
            <source>Adds a place: 47.37 8.54, or 47°22'12"N 8°32'24"E, or the beginning of the name of a country or of a feature of the active layer.</source>
            <translation>Fügt einen Ort hinzu: 47,37 8,54 oder 47°22'12"N 8°32'24"O, oder der Anfang des Namens eines Landes oder eines Objekts des aktiven Layers.</translation>
        </message>
        <message>
            <source>A counter-example: what is like it is not meant.</source>
            <translation>Ein Gegenbeispiel: was ihm gleicht, ist nicht gemeint.</translation>
        </message>
        <message>
            <source>An example: what is like it is meant.</source>
            <translation>Ein Beispiel: was ihm gleicht, ist gemeint.</translation>
        </message>
        <message>
            <source>Double-click: zoom to the place</source>
            <translation>Doppelklick: auf den Ort zoomen</translation>
        </message>
        <message>
            <source>Undo</source>
            <translation>Rückgängig</translation>
        </message>
        <message>
            <source>Take back the last change</source>
            <translation>Die letzte Änderung zurücknehmen</translation>
        </message>
        <message>
            <source>Redo</source>
            <translation>Wiederherstellen</translation>
        </message>
        <message>
            <source>Do again what was taken back</source>
            <translation>Zurückgenommenes wiederholen</translation>
        </message>
        <message>
            <source>Zoom to</source>
            <translation>Zoomen auf</translation>
        </message>
        <message>
            <source>Zoom to the place</source>
            <translation>Auf den Ort zoomen</translation>
        </message>
        <message>
            <source>Change kind</source>
            <translation>Art ändern</translation>
        </message>
        <message>
            <source>Make it a counter-example, or an example again</source>
            <translation>Zum Gegenbeispiel machen, oder wieder zum Beispiel</translation>
        </message>
        <message>
            <source>Remove</source>
            <translation>Entfernen</translation>
        </message>
        <message>
            <source>Remove the selected places (Del)</source>
            <translation>Die gewählten Orte entfernen (Entf)</translation>
        </message>
        <message>
            <source>Clear</source>
            <translation>Leeren</translation>
        </message>
        <message>
            <source>Remove all places</source>
            <translation>Alle Orte entfernen</translation>
        </message>
        <message>
            <source>Rename</source>
            <translation>Umbenennen</translation>
        </message>
        <message>
            <source>{kind} Double-click changes it.</source>
            <translation>{kind} Ein Doppelklick ändert das.</translation>
        </message>
        <message>
            <source>{place}. Double-click or F2: rename</source>
            <translation>{place}. Doppelklick oder F2: umbenennen</translation>
        </message>
        <message>
            <source>Save the similarity</source>
            <translation>Ähnlichkeit speichern</translation>
        </message>
        <message>
            <source>{width} × {height} pixels are looked at</source>
            <translation>{width} × {height} Pixel werden untersucht</translation>
        </message>
        <message>
            <source>{width} × {height} pixels, {size:.3g} MB at most</source>
            <translation>{width} × {height} Pixel, höchstens {size:.3g} MB</translation>
        </message>
        <message>
            <source>{size}: too large</source>
            <translation>{size}: zu groß</translation>
        </message>
        <message>
            <source>{path} exists. Replace it?</source>
            <translation>{path} gibt es schon. Ersetzen?</translation>
        </message>
        <message>
            <source>Save similar areas</source>
            <translation>Ähnliche Gebiete speichern</translation>
        </message>
        <message>
            <source>Save places</source>
            <translation>Orte speichern</translation>
        </message>
        <message>
            <source>Saving the similarity</source>
            <translation>Die Ähnlichkeit wird gespeichert</translation>
        </message>
        <message>
            <source>Saving similar areas</source>
            <translation>Ähnliche Gebiete werden gespeichert</translation>
        </message>
        <message>
            <source>{path} was written but cannot be opened.</source>
            <translation>{path} wurde geschrieben, lässt sich aber nicht öffnen.</translation>
        </message>
        <message>
            <source>similar areas</source>
            <translation>ähnliche Gebiete</translation>
        </message>
        <message>
            <source>places</source>
            <translation>Orte</translation>
        </message>
        <message>
            <source>Saved {path}</source>
            <translation>{path} gespeichert</translation>
        </message>
        <message>
            <source>The model knows nothing finer than {resolution}; a pixel of this view is {pixel}. The circle at the pointer is of that size.</source>
            <translation>Das Modell kennt nichts Feineres als {resolution}; ein Pixel dieser Ansicht misst {pixel}. So groß ist der Kreis am Mauszeiger.</translation>
        </message>
        <message>
            <source>{length} km</source>
            <translation>{length} km</translation>
        </message>
        <message>
            <source>{length} m</source>
            <translation>{length} m</translation>
        </message>
        <message>
            <source>Embedding the map view</source>
            <translation>Der Kartenausschnitt wird eingebettet</translation>
        </message>
        <message>
            <source>Embedding random places on land</source>
            <translation>Zufällige Orte an Land werden eingebettet</translation>
        </message>
        <message>
            <source>Opening the model</source>
            <translation>Das Modell wird geöffnet</translation>
        </message>
        <message>
            <source>{x:.10g}, {y:.10g} of the map ({crs})</source>
            <translation>{x:.10g}, {y:.10g} der Karte ({crs})</translation>
        </message>
        <message>
            <source>{name} ({layer})</source>
            <translation>{name} ({layer})</translation>
        </message>
        <message>
            <source>R² {r2} of its logarithm, RMSE {rmse}</source>
            <translation>R² {r2} des Logarithmus, RMSE {rmse}</translation>
        </message>
        <message>
            <source>R² {r2}, RMSE {rmse}</source>
            <translation>R² {r2}, RMSE {rmse}</translation>
        </message>
        <message>
            <source>about {number} m above the sea</source>
            <translation>etwa {number} m über dem Meer</translation>
        </message>
        <message>
            <source>low-lying</source>
            <translation>tief gelegen</translation>
        </message>
        <message>
            <source>hardly any people</source>
            <translation>fast unbewohnt</translation>
        </message>
        <message>
            <source>few people</source>
            <translation>wenige Einwohner</translation>
        </message>
        <message>
            <source>settled</source>
            <translation>besiedelt</translation>
        </message>
        <message>
            <source>many people</source>
            <translation>dicht besiedelt</translation>
        </message>
        <message>
            <source>water; what else there is to know, the model knows on land only</source>
            <translation>Wasser; alles Weitere weiß das Modell nur an Land</translation>
        </message>
        <message>
            <source>{low} to {high}</source>
            <translation>{low} bis {high}</translation>
        </message>
        <message>
            <source>cluster {number}</source>
            <translation>Cluster {number}</translation>
        </message>
        <message>
            <source>warmer</source>
            <translation>wärmer</translation>
        </message>
        <message>
            <source>colder</source>
            <translation>kälter</translation>
        </message>
        <message>
            <source>wetter</source>
            <translation>feuchter</translation>
        </message>
        <message>
            <source>drier</source>
            <translation>trockener</translation>
        </message>
        <message>
            <source>higher</source>
            <translation>höher</translation>
        </message>
        <message>
            <source>lower</source>
            <translation>tiefer</translation>
        </message>
        <message>
            <source>greener</source>
            <translation>grüner</translation>
        </message>
        <message>
            <source>barer</source>
            <translation>kahler</translation>
        </message>
        <message>
            <source>mean temperature of the year</source>
            <translation>mittlere Jahrestemperatur</translation>
        </message>
        <message>
            <source>mean temperature of January</source>
            <translation>mittlere Temperatur im Januar</translation>
        </message>
        <message>
            <source>mean temperature of July</source>
            <translation>mittlere Temperatur im Juli</translation>
        </message>
        <message>
            <source>yearly rain and snow</source>
            <translation>Regen und Schnee im Jahr</translation>
        </message>
        <message>
            <source>elevation</source>
            <translation>Höhe</translation>
        </message>
        <message>
            <source>greenness at its height (NDVI)</source>
            <translation>Grün zur grünsten Zeit (NDVI)</translation>
        </message>
        <message>
            <source>land cover</source>
            <translation>Landbedeckung</translation>
        </message>
        <message>
            <source>night light, 0 to 255</source>
            <translation>Licht bei Nacht, 0 bis 255</translation>
        </message>
        <message>
            <source>people per km², 255 at most</source>
            <translation>Einwohner je km², höchstens 255</translation>
        </message>
        <message>
            <source>climate zone</source>
            <translation>Klimazone</translation>
        </message>
        <message>
            <source>water</source>
            <translation>Wasser</translation>
        </message>
        <message>
            <source>evergreen needleleaf forest</source>
            <translation>immergrüner Nadelwald</translation>
        </message>
        <message>
            <source>evergreen broadleaf forest</source>
            <translation>immergrüner Laubwald</translation>
        </message>
        <message>
            <source>deciduous needleleaf forest</source>
            <translation>sommergrüner Nadelwald</translation>
        </message>
        <message>
            <source>deciduous broadleaf forest</source>
            <translation>sommergrüner Laubwald</translation>
        </message>
        <message>
            <source>mixed forest</source>
            <translation>Mischwald</translation>
        </message>
        <message>
            <source>closed shrubland</source>
            <translation>dichtes Buschland</translation>
        </message>
        <message>
            <source>open shrubland</source>
            <translation>offenes Buschland</translation>
        </message>
        <message>
            <source>woody savanna</source>
            <translation>Baumsavanne</translation>
        </message>
        <message>
            <source>savanna</source>
            <translation>Savanne</translation>
        </message>
        <message>
            <source>grassland</source>
            <translation>Grasland</translation>
        </message>
        <message>
            <source>wetland</source>
            <translation>Feuchtgebiet</translation>
        </message>
        <message>
            <source>cropland</source>
            <translation>Ackerland</translation>
        </message>
        <message>
            <source>irrigated cropland</source>
            <translation>bewässertes Ackerland</translation>
        </message>
        <message>
            <source>town</source>
            <translation>Stadt</translation>
        </message>
        <message>
            <source>cropland mixed with wild plants</source>
            <translation>Ackerland mit natürlichem Bewuchs</translation>
        </message>
        <message>
            <source>snow and ice</source>
            <translation>Schnee und Eis</translation>
        </message>
        <message>
            <source>barren land</source>
            <translation>karges Land</translation>
        </message>
        <message>
            <source>tropical rainforest climate</source>
            <translation>tropisches Regenwaldklima</translation>
        </message>
        <message>
            <source>tropical monsoon climate</source>
            <translation>tropisches Monsunklima</translation>
        </message>
        <message>
            <source>tropical savanna climate with a dry summer</source>
            <translation>tropisches Savannenklima mit trockenem Sommer</translation>
        </message>
        <message>
            <source>tropical savanna climate</source>
            <translation>tropisches Savannenklima</translation>
        </message>
        <message>
            <source>hot steppe climate</source>
            <translation>heißes Steppenklima</translation>
        </message>
        <message>
            <source>cold steppe climate</source>
            <translation>kaltes Steppenklima</translation>
        </message>
        <message>
            <source>hot desert climate</source>
            <translation>heißes Wüstenklima</translation>
        </message>
        <message>
            <source>cold desert climate</source>
            <translation>kaltes Wüstenklima</translation>
        </message>
        <message>
            <source>humid climate with mild winters and hot summers</source>
            <translation>feuchtes Klima mit milden Wintern und heißen Sommern</translation>
        </message>
        <message>
            <source>oceanic climate</source>
            <translation>Seeklima</translation>
        </message>
        <message>
            <source>oceanic climate with cool summers</source>
            <translation>Seeklima mit kühlen Sommern</translation>
        </message>
        <message>
            <source>Mediterranean climate with hot summers</source>
            <translation>Mittelmeerklima mit heißen Sommern</translation>
        </message>
        <message>
            <source>Mediterranean climate with warm summers</source>
            <translation>Mittelmeerklima mit warmen Sommern</translation>
        </message>
        <message>
            <source>Mediterranean climate with cool summers</source>
            <translation>Mittelmeerklima mit kühlen Sommern</translation>
        </message>
        <message>
            <source>mild climate with dry winters and hot summers</source>
            <translation>mildes Klima mit trockenen Wintern und heißen Sommern</translation>
        </message>
        <message>
            <source>mild climate with dry winters and warm summers</source>
            <translation>mildes Klima mit trockenen Wintern und warmen Sommern</translation>
        </message>
        <message>
            <source>mild climate with dry winters and cool summers</source>
            <translation>mildes Klima mit trockenen Wintern und kühlen Sommern</translation>
        </message>
        <message>
            <source>humid continental climate with hot summers</source>
            <translation>feuchtes Kontinentalklima mit heißen Sommern</translation>
        </message>
        <message>
            <source>humid continental climate with warm summers</source>
            <translation>feuchtes Kontinentalklima mit warmen Sommern</translation>
        </message>
        <message>
            <source>subarctic climate</source>
            <translation>subarktisches Klima</translation>
        </message>
        <message>
            <source>subarctic climate with severe winters</source>
            <translation>subarktisches Klima mit strengen Wintern</translation>
        </message>
        <message>
            <source>continental climate with hot dry summers</source>
            <translation>Kontinentalklima mit heißen, trockenen Sommern</translation>
        </message>
        <message>
            <source>continental climate with warm dry summers</source>
            <translation>Kontinentalklima mit warmen, trockenen Sommern</translation>
        </message>
        <message>
            <source>subarctic climate with dry summers</source>
            <translation>subarktisches Klima mit trockenen Sommern</translation>
        </message>
        <message>
            <source>subarctic climate with dry summers and severe winters</source>
            <translation>subarktisches Klima mit trockenen Sommern und strengen Wintern</translation>
        </message>
        <message>
            <source>continental climate with dry winters and hot summers</source>
            <translation>Kontinentalklima mit trockenen Wintern und heißen Sommern</translation>
        </message>
        <message>
            <source>continental climate with dry winters and warm summers</source>
            <translation>Kontinentalklima mit trockenen Wintern und warmen Sommern</translation>
        </message>
        <message>
            <source>subarctic climate with dry winters</source>
            <translation>subarktisches Klima mit trockenen Wintern</translation>
        </message>
        <message>
            <source>subarctic climate with dry and severe winters</source>
            <translation>subarktisches Klima mit trockenen, strengen Wintern</translation>
        </message>
        <message>
            <source>ice climate</source>
            <translation>Eisklima</translation>
        </message>
        <message>
            <source>tundra climate</source>
            <translation>Tundrenklima</translation>
        </message>
        <message>
            <source>right at {share} % of places</source>
            <translation>richtig an {share} % der Orte</translation>
        </message>
        <message>
            <source>SatCLIP location embeddings</source>
            <translation>SatCLIP-Orts-Embeddings</translation>
        </message>
        <message>
            <source>Model weights: {licence}</source>
            <translation>Modellgewichte: {licence}</translation>
        </message>
        <message>
            <source>N</source>
            <translation>N</translation>
        </message>
        <message>
            <source>S</source>
            <translation>S</translation>
        </message>
        <message>
            <source>E</source>
            <translation>O</translation>
        </message>
        <message>
            <source>W</source>
            <translation>W</translation>
        </message>
        <message>
            <source>install the package {module} for the Python of QGIS</source>
            <translation>das Paket {module} für das Python von QGIS installieren</translation>
        </message>
        <message>
            <source>name of the array field</source>
            <translation>Name des Array-Felds</translation>
        </message>
        <message>
            <source>extent</source>
            <translation>Ausdehnung</translation>
        </message>
        <message>
            <source>CRS of the extent</source>
            <translation>KBS der Ausdehnung</translation>
        </message>
        <message>
            <source>centroids</source>
            <translation>Zentroide</translation>
        </message>
        <message>
            <source>creation options</source>
            <translation>Erzeugungsoptionen</translation>
        </message>
        <message>
            <source>CRS of the layer</source>
            <translation>KBS des Layers</translation>
        </message>
        <message>
            <source>device</source>
            <translation>Gerät</translation>
        </message>
        <message>
            <source>encoding of the layer</source>
            <translation>Zeichenkodierung des Layers</translation>
        </message>
        <message>
            <source>field of latitudes</source>
            <translation>Feld der Breiten</translation>
        </message>
        <message>
            <source>its name</source>
            <translation>Name</translation>
        </message>
        <message>
            <source>field of longitudes</source>
            <translation>Feld der Längen</translation>
        </message>
        <message>
            <source>Method for numbers</source>
            <translation>Verfahren für Zahlen</translation>
        </message>
        <message>
            <source>No data value</source>
            <translation>Wert für fehlende Daten</translation>
        </message>
        <message>
            <source>overwriting</source>
            <translation>Überschreiben</translation>
        </message>
        <message>
            <source>quoting of the table</source>
            <translation>Anführungszeichen der Tabelle</translation>
        </message>
        <message>
            <source>resolution</source>
            <translation>Auflösung</translation>
        </message>
        <message>
            <source>the demand for a place in every row</source>
            <translation>die Forderung nach einem Ort in jeder Zeile</translation>
        </message>
        <message>
            <source>view (move the map)</source>
            <translation>Ansicht (Karte verschieben)</translation>
        </message>
        <message>
            <source>[{value}] after its numbers</source>
            <translation>[{value}] hinter den Zahlen</translation>
        </message>
        <message>
            <source>the command line of SatCLIP</source>
            <translation>die Kommandozeile von SatCLIP</translation>
        </message>
        <message>
            <source>leaving the words empty</source>
            <translation>ohne Worte: leer lassen</translation>
        </message>
        <message>
            <source>fetch it under SatCLIP &gt; Models</source>
            <translation>unter SatCLIP &gt; Modelle holen</translation>
        </message>
        <message>
            <source>fetch it again under SatCLIP &gt; Models</source>
            <translation>unter SatCLIP &gt; Modelle neu holen</translation>
        </message>
    </context>
</TS>
