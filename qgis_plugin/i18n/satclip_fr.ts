<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr" sourcelanguage="en">
    <context>
        <name>satclip</name>
        <message>
            <source>Model</source>
            <translation>Modèle</translation>
        </message>
        <message>
            <source>A name (bundled, words, or a published model that was fetched under SatCLIP &gt; Models), or the path of an .npz, .ckpt or .pth.tar file.</source>
            <translation>Un nom (bundled, words, ou un modèle publié téléchargé sous SatCLIP &gt; Modèles), ou le chemin d'un fichier .npz, .ckpt ou .pth.tar.</translation>
        </message>
        <message>
            <source>Dimensions</source>
            <translation>Dimensions</translation>
        </message>
        <message>
            <source>Stopped on request; nothing was written.</source>
            <translation>Arrêté à votre demande ; rien n'a été écrit.</translation>
        </message>
        <message>
            <source>Not enough memory: give a coarser resolution or a smaller extent.</source>
            <translation>Mémoire insuffisante : donnez une résolution plus grossière ou une emprise plus petite.</translation>
        </message>
        <message>
            <source>place,climate</source>
            <translation>lieu,climat</translation>
        </message>
        <message>
            <source>A feature could not be written: {reason}</source>
            <translation>Une entité n'a pas pu être écrite : {reason}</translation>
        </message>
        <message>
            <source>Clusters of places</source>
            <translation>Groupes de lieux</translation>
        </message>
        <message>
            <source>Divides an area into groups of like places, by k-means of their embeddings.

The clusters are found on a sample of the pixels; the same extent, resolution and number give the same clusters again. Save them to use them for another extent.

Each is named by what most of its places are predicted to be: land cover and climate, and where two have the same, what sets them apart. Nothing of that is measured.</source>
            <translation>Divise une zone en groupes de lieux semblables, par k-moyennes de leurs plongements.

Les groupes sont trouvés sur un échantillon des pixels ; la même emprise, la même résolution et le même nombre redonnent les mêmes groupes. Enregistrez-les pour les utiliser sur une autre emprise.

Chacun est nommé d'après ce que la plupart de ses lieux sont selon la prédiction : occupation du sol et climat, et si deux ont le même nom, ce qui les sépare. Rien de cela n'est mesuré.</translation>
        </message>
        <message>
            <source>Cluster {number}: {name} ({share:.0f} %)</source>
            <translation>Groupe {number} : {name} ({share:.0f} %)</translation>
        </message>
        <message>
            <source>From 2 to 254; it is not used with clusters that were saved before.</source>
            <translation>De 2 à 254 ; inutilisé avec des groupes déjà enregistrés.</translation>
        </message>
        <message>
            <source>Use the clusters of another area; found anew where not given.</source>
            <translation>Utiliser les groupes d'une autre zone ; trouvés à nouveau si rien n'est donné.</translation>
        </message>
        <message>
            <source>Save clusters</source>
            <translation>Enregistrer les groupes</translation>
        </message>
        <message>
            <source>Clusters (*.json)</source>
            <translation>Groupes (*.json)</translation>
        </message>
        <message>
            <source>A small file to use the same clusters again for another extent.</source>
            <translation>Un petit fichier pour réutiliser les mêmes groupes sur une autre emprise.</translation>
        </message>
        <message>
            <source>Clusters</source>
            <translation>Groupes</translation>
        </message>
        <message>
            <source>Number of clusters</source>
            <translation>Nombre de groupes</translation>
        </message>
        <message>
            <source>Clusters saved before</source>
            <translation>Groupes déjà enregistrés</translation>
        </message>
        <message>
            <source>{count} clusters, names predicted</source>
            <translation>{count} groupes, noms prédits</translation>
        </message>
        <message>
            <source>Fields can be used anywhere. An array is compact; in a file it is JSON text.</source>
            <translation>Les champs s'utilisent partout. Un tableau est compact ; dans un fichier, c'est du texte JSON.</translation>
        </message>
        <message>
            <source>Fields are called e000, e001, …; the array is called embedding.</source>
            <translation>Les champs se nomment e000, e001, … ; le tableau se nomme embedding.</translation>
        </message>
        <message>
            <source>Only the first ones, where so many fields are too many; all where it is empty.</source>
            <translation>Seulement les premières, si autant de champs sont de trop ; toutes si c'est vide.</translation>
        </message>
        <message>
            <source>Embedding as</source>
            <translation>Plongement sous forme de</translation>
        </message>
        <message>
            <source>Prefix of the new fields</source>
            <translation>Préfixe des nouveaux champs</translation>
        </message>
        <message>
            <source>one field for each dimension</source>
            <translation>un champ par dimension</translation>
        </message>
        <message>
            <source>one array field</source>
            <translation>un champ tableau</translation>
        </message>
        <message>
            <source>Embed points</source>
            <translation>Plongements de points</translation>
        </message>
        <message>
            <source>Copies a point layer and adds the location embedding of each point: one field for each dimension, or one array field.

The layer may be in any CRS. Points without a usable geometry keep their row, with empty fields, and are counted in the log. Multipoints count by their centroid; so do lines and polygons on request, which then become points.</source>
            <translation>Copie une couche de points et ajoute le plongement du lieu de chaque point : un champ par dimension, ou un champ tableau.

La couche peut être dans n'importe quel SCR. Les points sans géométrie utilisable gardent leur ligne, avec des champs vides, et sont comptés dans le journal. Les multipoints comptent par leur centroïde ; de même les lignes et polygones, sur demande, qui deviennent alors des points.</translation>
        </message>
        <message>
            <source>Embedded points</source>
            <translation>Points avec plongement</translation>
        </message>
        <message>
            <source>{name}, embedded</source>
            <translation>{name}, plongements</translation>
        </message>
        <message>
            <source>{count} features embedded.</source>
            <translation>{count} entités plongées.</translation>
        </message>
        <message>
            <source>Embed polygons and lines</source>
            <translation>Plongements de polygones et de lignes</translation>
        </message>
        <message>
            <source>Copies a layer and adds to each polygon the mean embedding over its area, to each line that along it: one field for each dimension, or one array field.

A pixel weighs by its area times the part of it that the polygon covers. Beside the embedding there are pixels (how many), area_km2, length_km and spread: 0 where a polygon is alike all over, near 1 where its parts have nothing in common.</source>
            <translation>Copie une couche et ajoute à chaque polygone le plongement moyen sur sa surface, à chaque ligne celui le long d'elle : un champ par dimension, ou un champ tableau.

Un pixel pèse par sa surface fois la part que le polygone en couvre. À côté du plongement se trouvent pixels (combien), area_km2, length_km et spread : 0 là où un polygone est partout pareil, près de 1 là où ses parties n'ont rien en commun.</translation>
        </message>
        <message>
            <source>Embedded features</source>
            <translation>Entités avec plongement</translation>
        </message>
        <message>
            <source>Layer</source>
            <translation>Couche</translation>
        </message>
        <message>
            <source>Polygons count by the mean over their area, lines by that along them, points as they are; in any CRS, all features or the selected ones.</source>
            <translation>Les polygones comptent par la moyenne sur leur surface, les lignes par celle le long d'elles, les points tels quels ; dans n'importe quel SCR, toutes les entités ou celles sélectionnées.</translation>
        </message>
        <message>
            <source>What a polygon or a line has of the sea does not count. Points always do.</source>
            <translation>Ce qu'un polygone ou une ligne a de mer ne compte pas. Les points comptent toujours.</translation>
        </message>
        <message>
            <source>Not set: what the model resolves, smaller in small polygons and larger in very large ones.</source>
            <translation>Non défini : ce que le modèle distingue, moins dans les petits polygones et plus dans les très grands.</translation>
        </message>
        <message>
            <source>Where the layer has fields of these names already.</source>
            <translation>Si la couche a déjà des champs de ces noms.</translation>
        </message>
        <message>
            <source>A new layer; GeoPackage keeps all fields, a Shapefile holds 255 at most.</source>
            <translation>Une nouvelle couche ; un GeoPackage garde tous les champs, un Shapefile en tient 255 au plus.</translation>
        </message>
        <message>
            <source>{count} features have an edge across more than half of the Earth, which is taken as it is drawn: cut at 180° what is to cross it.</source>
            <translation>{count} entités ont un bord à travers plus de la moitié de la Terre, pris tel qu'il est dessiné : coupez à 180° ce qui doit la traverser.</translation>
        </message>
        <message>
            <source>The layer {layer} has no feature with a place to look at.</source>
            <translation>La couche {layer} n'a aucune entité avec un lieu à regarder.</translation>
        </message>
        <message>
            <source>Land only</source>
            <translation>Terres seulement</translation>
        </message>
        <message>
            <source>Size of pixels (units of the layer)</source>
            <translation>Taille des pixels (unités de la couche)</translation>
        </message>
        <message>
            <source>Fill in missing values</source>
            <translation>Compléter les valeurs manquantes</translation>
        </message>
        <message>
            <source>Copies a layer and fills in a field where it is empty: learnt from the features that have a value, as Map from samples learns.

The new field FIELD_filled is 1 where a value was filled in, and such features also have its standard error and 90 % interval (of classes the probability), whether they lie inside the area of applicability, and the distance to the nearest feature with a value in km. Values that are there stay. Lines and polygons count by their centroids.</source>
            <translation>Copie une couche et complète un champ là où il est vide : appris des entités qui ont une valeur, comme le fait Carte à partir d'échantillons.

Le nouveau champ FIELD_filled vaut 1 là où une valeur a été complétée, et ces entités ont aussi son erreur type et son intervalle à 90 % (pour des classes la probabilité), si elles sont dans le domaine d'applicabilité, et la distance en km de l'entité la plus proche qui a une valeur. Les valeurs présentes restent. Lignes et polygones comptent par leur centroïde.</translation>
        </message>
        <message>
            <source>{count} features filled in, {share:.0f} % outside the area of applicability.</source>
            <translation>{count} entités complétées, dont {share:.0f} % hors du domaine d'applicabilité.</translation>
        </message>
        <message>
            <source>Features with values filled in</source>
            <translation>Entités aux valeurs complétées</translation>
        </message>
        <message>
            <source>No feature lacks a value of {field}: there is nothing to fill in.</source>
            <translation>Aucune entité ne manque d'une valeur de {field} : il n'y a rien à compléter.</translation>
        </message>
        <message>
            <source>Choose the field to fill in.</source>
            <translation>Choisissez le champ à compléter.</translation>
        </message>
        <message>
            <source>{name}, {field} filled in</source>
            <translation>{name}, {field} complété</translation>
        </message>
        <message>
            <source>The layer holds no place to predict at.</source>
            <translation>La couche ne contient aucun lieu où prédire.</translation>
        </message>
        <message>
            <source>The extent {value} is none: give west, east, south, north as numbers, with commas between them, or a layer.</source>
            <translation>L'emprise {value} n'en est pas une : donnez ouest, est, sud, nord en nombres séparés par des virgules, ou une couche.</translation>
        </message>
        <message>
            <source>Extent</source>
            <translation>Emprise</translation>
        </message>
        <message>
            <source>The area to cover, in any CRS; the map's view at first. West &gt; east crosses the date line.</source>
            <translation>La zone à couvrir, dans n'importe quel SCR ; au départ la vue de la carte. Ouest &gt; est traverse la ligne de changement de date.</translation>
        </message>
        <message>
            <source>Pixel size in units of the CRS. Not set: a quarter of what the model resolves, and at least 100 pixels along the longer side.</source>
            <translation>Taille des pixels en unités du SCR. Non défini : un quart de ce que le modèle distingue, et au moins 100 pixels sur le plus grand côté.</translation>
        </message>
        <message>
            <source>CRS of the result; EPSG:4326 where the project has none.</source>
            <translation>SCR du résultat ; EPSG:4326 si le projet n'en a pas.</translation>
        </message>
        <message>
            <source>No data at sea, where the models have learnt nothing: by a mask of 1/40 degree that comes with the plugin. Lakes are land.</source>
            <translation>Sans données en mer, où les modèles n'ont rien appris : d'après un masque de 1/40 degré fourni avec l'extension. Les lacs sont de la terre.</translation>
        </message>
        <message>
            <source>No data outside it: a country by its English name or ISO code, or a GeoJSON file of polygons. The extent stays as it is.</source>
            <translation>Pas de données en dehors : un pays par son nom anglais ou son code ISO, ou un fichier GeoJSON de polygones. L'emprise reste telle quelle.</translation>
        </message>
        <message>
            <source>Resolution</source>
            <translation>Résolution</translation>
        </message>
        <message>
            <source>CRS</source>
            <translation>SCR</translation>
        </message>
        <message>
            <source>Only on land</source>
            <translation>Seulement sur terre</translation>
        </message>
        <message>
            <source>Only in this country</source>
            <translation>Seulement dans ce pays</translation>
        </message>
        <message>
            <source>Resolution {size:g}: give a pixel size above 0, or leave it out.</source>
            <translation>Résolution {size:g} : donnez une taille de pixel supérieure à 0, ou laissez-la vide.</translation>
        </message>
        <message>
            <source>Group features</source>
            <translation>Grouper des entités</translation>
        </message>
        <message>
            <source>Copies a layer and puts its features into groups of like ones, by k-means of their embeddings: regions of a country, kinds of fields.

The field group has the number, the largest group first, and group_name what most of its features are predicted to be: land cover and climate. Polygons count by the mean over their area, lines by that along them. The same features and number of groups give the same groups again.</source>
            <translation>Copie une couche et met ses entités en groupes semblables, par k-moyennes de leurs plongements : régions d'un pays, sortes de parcelles.

Le champ group contient le numéro, le plus grand groupe d'abord, et group_name ce que la plupart de ses entités sont d'après la prédiction : occupation du sol et climat. Les polygones comptent par la moyenne sur leur surface, les lignes par celle le long d'elles. Les mêmes entités et le même nombre de groupes redonnent les mêmes groupes.</translation>
        </message>
        <message>
            <source>From 2 to 254; no more than there are features.</source>
            <translation>De 2 à 254 ; pas plus qu'il n'y a d'entités.</translation>
        </message>
        <message>
            <source>Grouped features</source>
            <translation>Entités groupées</translation>
        </message>
        <message>
            <source>Group {number}: {name}, {count} features</source>
            <translation>Groupe {number} : {name}, {count} entités</translation>
        </message>
        <message>
            <source>Number of groups</source>
            <translation>Nombre de groupes</translation>
        </message>
        <message>
            <source>{name} in {count} groups</source>
            <translation>{name} en {count} groupes</translation>
        </message>
        <message>
            <source>Where an image comes from</source>
            <translation>D'où vient une image</translation>
        </message>
        <message>
            <source>Maps how probable it is that an image comes from a place: per million square kilometres, summing to 1 over the raster. The most probable places are given as points, with the probability that it comes from around them.

It takes a model that was trained with images beside places (UniGeoCLIP): “words”, which comes with the plugin, knows true colour, relief, night lights and greenness of coarse satellite images. The middle of the image is brought to the size and scale that the model has learnt from; where the image lies, if it says so, is not used.</source>
            <translation>Cartographie la probabilité qu'une image vienne d'un lieu : par million de kilomètres carrés, de somme 1 sur le raster. Les lieux les plus probables sont donnés comme points, avec la probabilité que l'image vienne de leurs environs.

Il faut un modèle entraîné avec des images à côté des lieux (UniGeoCLIP) : « words », fourni avec l'extension, connaît les couleurs naturelles, le relief, les lumières nocturnes et la verdure d'images satellites grossières. Le milieu de l'image est ramené à la taille et à l'échelle dont le modèle a appris ; où se trouve l'image, si elle le dit, n'est pas utilisé.</translation>
        </message>
        <message>
            <source>An image of the kind that the model was trained on, of a known scale.</source>
            <translation>Une image du genre sur lequel le modèle a été entraîné, d'échelle connue.</translation>
        </message>
        <message>
            <source>As many as the model's images have, in their order; all where none is chosen.</source>
            <translation>Autant que les images du modèle en ont, dans leur ordre ; toutes si aucune n'est choisie.</translation>
        </message>
        <message>
            <source>Ground that it spans, where the image is not georeferenced.</source>
            <translation>Le terrain qu'elle couvre, si l'image n'est pas géoréférencée.</translation>
        </message>
        <message>
            <source>Which of the model's kinds it is, where several have as many bands.</source>
            <translation>Lequel des genres du modèle, si plusieurs ont autant de bandes.</translation>
        </message>
        <message>
            <source>What is known of the place besides, in words: they count as much as the image.</source>
            <translation>Ce que l'on sait du lieu par ailleurs, en mots : ils comptent autant que l'image.</translation>
        </message>
        <message>
            <source>Least distance between the places, and how far around their probability counts.</source>
            <translation>Distance minimale entre les lieux, et jusqu'où autour d'eux leur probabilité compte.</translation>
        </message>
        <message>
            <source>Probability of origin</source>
            <translation>Probabilité d'origine</translation>
        </message>
        <message>
            <source>Image</source>
            <translation>Image</translation>
        </message>
        <message>
            <source>Bands</source>
            <translation>Bandes</translation>
        </message>
        <message>
            <source>Width of the image (kilometres)</source>
            <translation>Largeur de l'image (kilomètres)</translation>
        </message>
        <message>
            <source>Kind of image</source>
            <translation>Genre d'image</translation>
        </message>
        <message>
            <source>Words</source>
            <translation>Mots</translation>
        </message>
        <message>
            <source>At least so far apart (kilometres)</source>
            <translation>Séparés d'au moins (kilomètres)</translation>
        </message>
        <message>
            <source>The image is no raster file: give one that lies on disk.</source>
            <translation>L'image n'est pas un fichier raster : donnez-en une qui est sur le disque.</translation>
        </message>
        <message>
            <source>{count} features left out by their ids</source>
            <translation>{count} entités écartées d'après leur identifiant</translation>
        </message>
        <message>
            <source>The samples have no field but identifiers: choose the Field to map.</source>
            <translation>Les échantillons n'ont de champs que des identifiants : choisissez le Champ à cartographier.</translation>
        </message>
        <message>
            <source>Rasters to learn from beside the embedding, such as heights or a distance, in any CRS; each band is one. Pixels without a value get none in the map.</source>
            <translation>Rasters dont apprendre à côté du plongement, comme des altitudes ou une distance, dans n'importe quel SCR ; chaque bande en est un. Les pixels sans valeur n'en ont pas dans la carte.</translation>
        </message>
        <message>
            <source>What was learnt before, as Map from samples saves it under Save what was learnt.</source>
            <translation>Ce qui a déjà été appris, tel que Carte à partir d'échantillons l'enregistre sous Enregistrer ce qui est appris.</translation>
        </message>
        <message>
            <source>Points where the value is known, in any CRS.</source>
            <translation>Points où la valeur est connue, dans n'importe quel SCR.</translation>
        </message>
        <message>
            <source>Numbers, or the names of classes. Not set: the first field of numbers, else of text, that is neither an identifier nor a coordinate.</source>
            <translation>Des nombres, ou des noms de classes. Non défini : le premier champ de nombres, sinon de texte, qui n'est ni identifiant ni coordonnée.</translation>
        </message>
        <message>
            <source>Whole numbers may be codes of classes: then say so.</source>
            <translation>Des nombres entiers peuvent être des codes de classes : dites-le alors.</translation>
        </message>
        <message>
            <source>What predicts; of classes logistic regression on the same. The log says what was chosen.</source>
            <translation>Ce qui prédit ; pour des classes, la régression logistique sur la même chose. Le journal dit ce qui a été choisi.</translation>
        </message>
        <message>
            <source>Numbers are learnt so transformed; predictions come back as medians, the ends of intervals as they are.</source>
            <translation>Les nombres sont appris ainsi transformés ; les prédictions reviennent comme médianes, les bornes des intervalles telles quelles.</translation>
        </message>
        <message>
            <source>What the map is tested on: random samples have near neighbours, which flatter.</source>
            <translation>Sur quoi la carte est éprouvée : des échantillons au hasard ont des voisins proches, ce qui flatte.</translation>
        </message>
        <message>
            <source>A sample of weight 2 counts as two, or has half the variance of noise.</source>
            <translation>Un échantillon de poids 2 compte pour deux, ou a une variance de bruit moitié moindre.</translation>
        </message>
        <message>
            <source>Such as sites or surveys: a group is never parted when the map is tested.</source>
            <translation>Comme des sites ou des campagnes : un groupe n'est jamais coupé quand la carte est éprouvée.</translation>
        </message>
        <message>
            <source>Such as -9999; several with spaces between them.</source>
            <translation>Comme -9999 ; plusieurs, séparés par des espaces.</translation>
        </message>
        <message>
            <source>Such as the samples that hurt most, by the ids that the report and the panel Map from samples have for them; several with spaces between them.</source>
            <translation>Comme les échantillons qui nuisent le plus, par les identifiants que leur donnent le rapport et le panneau Carte à partir d'échantillons ; plusieurs, séparés par des espaces.</translation>
        </message>
        <message>
            <source>Save what was learnt</source>
            <translation>Enregistrer ce qui est appris</translation>
        </message>
        <message>
            <source>Saved map (*.npz)</source>
            <translation>Carte enregistrée (*.npz)</translation>
        </message>
        <message>
            <source>To draw the same map elsewhere, or to predict at points.</source>
            <translation>Pour dessiner la même carte ailleurs, ou prédire en des points.</translation>
        </message>
        <message>
            <source>Numbers that mean no value: {text} is not numbers with spaces between them.</source>
            <translation>Nombres signifiant « aucune valeur » : {text} n'est pas une suite de nombres séparés par des espaces.</translation>
        </message>
        <message>
            <source>Ids of features to leave out: {text} is not whole numbers with spaces between them.</source>
            <translation>Identifiants d'entités à écarter : {text} n'est pas une suite de nombres entiers séparés par des espaces.</translation>
        </message>
        <message>
            <source>Covariates</source>
            <translation>Covariables</translation>
        </message>
        <message>
            <source>The covariate {layer} is no file: save it as a GeoTIFF first.</source>
            <translation>La covariable {layer} n'est pas un fichier : enregistrez-la d'abord en GeoTIFF.</translation>
        </message>
        <message>
            <source>Saved map</source>
            <translation>Carte enregistrée</translation>
        </message>
        <message>
            <source>Samples</source>
            <translation>Échantillons</translation>
        </message>
        <message>
            <source>Field to map</source>
            <translation>Champ à cartographier</translation>
        </message>
        <message>
            <source>The field holds</source>
            <translation>Le champ contient</translation>
        </message>
        <message>
            <source>Method</source>
            <translation>Méthode</translation>
        </message>
        <message>
            <source>Transform of numbers</source>
            <translation>Transformation des nombres</translation>
        </message>
        <message>
            <source>Samples left out together</source>
            <translation>Échantillons mis de côté ensemble</translation>
        </message>
        <message>
            <source>Weights of samples</source>
            <translation>Poids des échantillons</translation>
        </message>
        <message>
            <source>Groups of samples</source>
            <translation>Groupes d'échantillons</translation>
        </message>
        <message>
            <source>Numbers that mean no value</source>
            <translation>Nombres signifiant « aucune valeur »</translation>
        </message>
        <message>
            <source>Ids of features to leave out</source>
            <translation>Identifiants d'entités à écarter</translation>
        </message>
        <message>
            <source>The layer of samples cannot be read.</source>
            <translation>La couche d'échantillons ne peut pas être lue.</translation>
        </message>
        <message>
            <source>what its type says</source>
            <translation>ce que dit son type</translation>
        </message>
        <message>
            <source>numbers</source>
            <translation>des nombres</translation>
        </message>
        <message>
            <source>classes</source>
            <translation>des classes</translation>
        </message>
        <message>
            <source>mean of all, weighed by cross-validation</source>
            <translation>moyenne de toutes, pondérée par validation croisée</translation>
        </message>
        <message>
            <source>linear, on the embedding</source>
            <translation>linéaire, sur le plongement</translation>
        </message>
        <message>
            <source>kriging on the place</source>
            <translation>krigeage sur le lieu</translation>
        </message>
        <message>
            <source>Gaussian process on both</source>
            <translation>processus gaussien sur les deux</translation>
        </message>
        <message>
            <source>none</source>
            <translation>aucune</translation>
        </message>
        <message>
            <source>log(1 + x), of skewed amounts</source>
            <translation>log(1 + x), pour des quantités dissymétriques</translation>
        </message>
        <message>
            <source>log(x / (1 - x)), of shares</source>
            <translation>log(x / (1 - x)), pour des parts</translation>
        </message>
        <message>
            <source>as far apart as pixels are from samples (kNNDM)</source>
            <translation>aussi éloignés que les pixels des échantillons (kNNDM)</translation>
        </message>
        <message>
            <source>blocks of near samples</source>
            <translation>blocs d'échantillons proches</translation>
        </message>
        <message>
            <source>random ones</source>
            <translation>au hasard</translation>
        </message>
        <message>
            <source>The samples have no field {name}.</source>
            <translation>Les échantillons n'ont pas de champ {name}.</translation>
        </message>
        <message>
            <source>Field to map: {field}</source>
            <translation>Champ à cartographier : {field}</translation>
        </message>
        <message>
            <source>Join look-alikes</source>
            <translation>Joindre les sosies</translation>
        </message>
        <message>
            <source>Finds for each feature those of another layer, or of its own, that are most like it, and joins their fields: rank, similarity (the cosine of their embeddings, -1 to 1), distance_km between their centroids, and the chosen fields with like_ before their names.

A feature comes once for each look-alike. Within one layer a feature is never its own look-alike. Polygons count by the mean over their area, lines by that along them.</source>
            <translation>Trouve pour chaque entité celles d'une autre couche, ou de la sienne, qui lui ressemblent le plus, et joint leurs champs : rank, similarity (le cosinus de leurs plongements, de -1 à 1), distance_km entre leurs centroïdes, et les champs choisis précédés de like_.

Une entité vient une fois par sosie. Dans une même couche, une entité n'est jamais son propre sosie. Les polygones comptent par la moyenne sur leur surface, les lignes par celle le long d'elles.</translation>
        </message>
        <message>
            <source>Look-alikes from</source>
            <translation>Sosies tirés de</translation>
        </message>
        <message>
            <source>Features to choose from: all of a layer, or the selected ones.</source>
            <translation>Entités parmi lesquelles choisir : toutes celles d'une couche, ou celles sélectionnées.</translation>
        </message>
        <message>
            <source>Those that are joined; all where none is chosen.</source>
            <translation>Ceux qui sont joints ; tous si aucun n'est choisi.</translation>
        </message>
        <message>
            <source>How many, the most similar first.</source>
            <translation>Combien, les plus semblables d'abord.</translation>
        </message>
        <message>
            <source>Look-alikes</source>
            <translation>Sosies</translation>
        </message>
        <message>
            <source>Fields of look-alikes</source>
            <translation>Champs des sosies</translation>
        </message>
        <message>
            <source>Look-alikes of each feature</source>
            <translation>Sosies par entité</translation>
        </message>
        <message>
            <source>{name}, look-alikes from {others}</source>
            <translation>{name}, sosies tirés de {others}</translation>
        </message>
        <message>
            <source>Method: {method}.</source>
            <translation>Méthode : {method}.</translation>
        </message>
        <message>
            <source>How good is the map of {field}? Tested on samples whose whole neighbourhood it had not seen:</source>
            <translation>Que vaut la carte de {field} ? Éprouvée sur des échantillons dont elle n'avait vu aucun voisinage :</translation>
        </message>
        <message>
            <source>it explains {share:.0f} % of the differences between {samples} samples ({numbers}).</source>
            <translation>elle explique {share:.0f} % des différences entre {samples} échantillons ({numbers}).</translation>
        </message>
        <message>
            <source>Map from samples</source>
            <translation>Carte à partir d'échantillons</translation>
        </message>
        <message>
            <source>Learns from a point layer how a number or class depends on the place, and maps it.

Numbers by the mean of ridge regression on the embeddings, kriging on the places, and a Gaussian process on both, weighed by how well each does; classes by logistic regression, on the embeddings or on a kernel of place and embedding. All is chosen and scored by cross-validation on samples as far from those learnt from as the pixels are from the samples. The last lines of the log say how good the map is, from R² for numbers and balanced accuracy for classes; where samples lie outside the extent, the score is that of those within it. Look at it before you trust the map.</source>
            <translation>Apprend d'une couche de points comment un nombre ou une classe dépend du lieu, et le cartographie.

Les nombres par la moyenne d'une régression ridge sur les plongements, d'un krigeage sur les lieux et d'un processus gaussien sur les deux, pondérés selon leur réussite ; les classes par régression logistique, sur les plongements ou sur un noyau du lieu et du plongement. Tout est choisi et noté par validation croisée sur des échantillons aussi loin de ceux appris que les pixels le sont des échantillons. Les dernières lignes du journal disent ce que vaut la carte, d'après R² pour les nombres et l'exactitude équilibrée pour les classes ; si des échantillons sont hors de l'emprise, le score est celui de ceux qui sont dedans. Regardez-le avant de vous fier à la carte.</translation>
        </message>
        <message>
            <source>{field}, standard error</source>
            <translation>{field}, erreur type</translation>
        </message>
        <message>
            <source>{field}, chance of another class (%)</source>
            <translation>{field}, probabilité d'une autre classe (%)</translation>
        </message>
        <message>
            <source>{share:.0f} % of the pixels lie outside its area of applicability, where that says nothing.</source>
            <translation>{share:.0f} % des pixels sont hors de son domaine d'applicabilité, où cela ne dit rien.</translation>
        </message>
        <message>
            <source>How good is the map of {field}? Tested on samples as far from those it had learnt from as the pixels are from the samples:</source>
            <translation>Que vaut la carte de {field} ? Éprouvée sur des échantillons aussi loin de ceux dont elle avait appris que les pixels le sont des échantillons :</translation>
        </message>
        <message>
            <source>How good is the map of {field}? Tested on samples drawn at random, near others that it had learnt from:</source>
            <translation>Que vaut la carte de {field} ? Éprouvée sur des échantillons tirés au hasard, près d'autres dont elle avait appris :</translation>
        </message>
        <message>
            <source>weighted mean of ridge regression, kriging and a Gaussian process</source>
            <translation>moyenne pondérée d'une régression ridge, d'un krigeage et d'un processus gaussien</translation>
        </message>
        <message>
            <source>it names the right class for {accuracy:.0f} % of {samples} samples, {balanced:.0f} % in the mean of the classes (balanced accuracy {value:.2f}, macro F1 {f1:.2f}).</source>
            <translation>elle nomme la bonne classe pour {accuracy:.0f} % de {samples} échantillons, {balanced:.0f} % en moyenne des classes (exactitude équilibrée {value:.2f}, F1 macro {f1:.2f}).</translation>
        </message>
        <message>
            <source>it is no better than the mean of all samples ({numbers}): do not trust the map.</source>
            <translation>elle ne vaut pas mieux que la moyenne de tous les échantillons ({numbers}) : ne vous fiez pas à la carte.</translation>
        </message>
        <message>
            <source>One more band for each class, in whole per cent.</source>
            <translation>Une bande de plus par classe, en pour cent entiers.</translation>
        </message>
        <message>
            <source>Of numbers six more bands: standard error, lower and upper end of the 90 % interval, dissimilarity index, area of applicability (1 inside), and the distance to the nearest sample in km. Of classes two: the chance that it is another one, in per cent, and the area of applicability.</source>
            <translation>Pour des nombres, six bandes de plus : erreur type, bornes inférieure et supérieure de l'intervalle à 90 %, indice de dissimilarité, domaine d'applicabilité (1 à l'intérieur), et distance en km de l'échantillon le plus proche. Pour des classes, deux : la probabilité que c'en soit une autre, en pour cent, et le domaine d'applicabilité.</translation>
        </message>
        <message>
            <source>Map</source>
            <translation>Carte</translation>
        </message>
        <message>
            <source>Save report</source>
            <translation>Enregistrer le rapport</translation>
        </message>
        <message>
            <source>How good the map is, on one page: the map and its error, folds, plots, and the samples that hurt most. As .json: all scores and counts.</source>
            <translation>Ce que vaut la carte, sur une page : la carte et son erreur, les lots, des graphiques, et les échantillons qui nuisent le plus. En .json : tous les scores et effectifs.</translation>
        </message>
        <message>
            <source>Only {count} of the {samples} samples lie within the extent, too few to say how good the map is there. Of all samples:</source>
            <translation>Seuls {count} des {samples} échantillons sont dans l'emprise, trop peu pour dire ce qu'y vaut la carte. Pour tous les échantillons :</translation>
        </message>
        <message>
            <source>Within the extent ({count} of the {samples} samples):</source>
            <translation>Dans l'emprise ({count} des {samples} échantillons) :</translation>
        </message>
        <message>
            <source>kernel logistic regression on place and embedding</source>
            <translation>régression logistique à noyau sur le lieu et le plongement</translation>
        </message>
        <message>
            <source>R² {r2:.2f}, a typical error of {mae:.3g} (mean absolute), RMSE {rmse:.3g}</source>
            <translation>R² {r2:.2f}, erreur courante {mae:.3g} (moyenne absolue), RMSE {rmse:.3g}</translation>
        </message>
        <message>
            <source>Probability of each class too</source>
            <translation>La probabilité de chaque classe aussi</translation>
        </message>
        <message>
            <source>Uncertainty too</source>
            <translation>L'incertitude aussi</translation>
        </message>
        <message>
            <source>Cross-validated score</source>
            <translation>Score de validation croisée</translation>
        </message>
        <message>
            <source>The scores in one line</source>
            <translation>Les scores en une ligne</translation>
        </message>
        <message>
            <source>{field}, mapped</source>
            <translation>{field}, cartographié</translation>
        </message>
        <message>
            <source>Writing the report</source>
            <translation>Écriture du rapport</translation>
        </message>
        <message>
            <source>Of all samples:</source>
            <translation>Pour tous les échantillons :</translation>
        </message>
        <message>
            <source>The saved map of {field}, where it was fitted:</source>
            <translation>La carte enregistrée de {field}, là où elle a été ajustée :</translation>
        </message>
        <message>
            <source>ridge regression on the embedding</source>
            <translation>régression ridge sur le plongement</translation>
        </message>
        <message>
            <source>Page (*.html)</source>
            <translation>Page (*.html)</translation>
        </message>
        <message>
            <source>Scores (*.json)</source>
            <translation>Scores (*.json)</translation>
        </message>
        <message>
            <source>logistic regression on the embedding</source>
            <translation>régression logistique sur le plongement</translation>
        </message>
        <message>
            <source>kernel logistic regression on the place</source>
            <translation>régression logistique à noyau sur le lieu</translation>
        </message>
        <message>
            <source>Map from saved map</source>
            <translation>Carte à partir d'une carte enregistrée</translation>
        </message>
        <message>
            <source>Draws a map of what was learnt before, without the samples: elsewhere, or finer.

Map from samples saves it, under Save what was learnt. Model and covariates have to be the same; layers of covariates are told by their names. The log says how much of the extent lies outside the area of applicability, where the score does not hold.</source>
            <translation>Dessine une carte de ce qui a déjà été appris, sans les échantillons : ailleurs, ou plus finement.

Carte à partir d'échantillons l'enregistre, sous Enregistrer ce qui est appris. Modèle et covariables doivent être les mêmes ; les couches de covariables se reconnaissent à leur nom. Le journal dit quelle part de l'emprise est hors du domaine d'applicabilité, où le score ne vaut pas.</translation>
        </message>
        <message>
            <source>Outside the area of applicability</source>
            <translation>Hors du domaine d'applicabilité</translation>
        </message>
        <message>
            <source>With the uncertainty: where the map is of places unlike all samples, so that its error says nothing, as hatched polygons.</source>
            <translation>Avec l'incertitude : là où la carte porte sur des lieux différents de tous les échantillons, si bien que son erreur ne dit rien, en polygones hachurés.</translation>
        </message>
        <message>
            <source>Places unlike all samples: the error of the map says nothing there</source>
            <translation>Lieux différents de tous les échantillons : l'erreur de la carte n'y dit rien</translation>
        </message>
        <message>
            <source>Properties of places</source>
            <translation>Propriétés des lieux</translation>
        </message>
        <message>
            <source>Writes what places are like as bands: temperature, rain, elevation, greenness, land cover, night light, people, climate zone.

They are read from the embedding by small models that were fitted to public maps: predictions, not measurements. The log and the file say how far off they were at places left out, and where the labels come from. On water only the land cover is known. The first band is shown; the others are in the same file.</source>
            <translation>Écrit en bandes à quoi ressemblent les lieux : température, pluie, altitude, verdure, occupation du sol, lumière nocturne, population, zone climatique.

Elles sont lues dans le plongement par de petits modèles ajustés sur des cartes publiques : des prédictions, non des mesures. Le journal et le fichier disent de combien elles se sont trompées en des lieux mis de côté, et d'où viennent les valeurs. Sur l'eau, seule l'occupation du sol est connue. La première bande est montrée ; les autres sont dans le même fichier.</translation>
        </message>
        <message>
            <source>A band for each number; a class takes two, its code and its probability.</source>
            <translation>Une bande par nombre ; une classe en prend deux, son code et sa probabilité.</translation>
        </message>
        <message>
            <source>Properties</source>
            <translation>Propriétés</translation>
        </message>
        <message>
            <source>{property}: predicted; {error} in blocks of {side:g}° left out; {source}</source>
            <translation>{property} : prédit ; {error} dans des blocs de {side:g}° mis de côté ; {source}</translation>
        </message>
        <message>
            <source>A point layer in any CRS; all features or the selected ones.</source>
            <translation>Une couche de points dans n'importe quel SCR ; toutes les entités ou celles sélectionnées.</translation>
        </message>
        <message>
            <source>Points</source>
            <translation>Points</translation>
        </message>
        <message>
            <source>The layer of points cannot be read.</source>
            <translation>La couche de points ne peut pas être lue.</translation>
        </message>
        <message>
            <source>Stopped on request; the layer holds what was done so far.</source>
            <translation>Arrêté à votre demande ; la couche contient ce qui était fait jusque-là.</translation>
        </message>
        <message>
            <source>{target} is what is read: write to another file or table.</source>
            <translation>{target} est ce qui est lu : écrivez dans un autre fichier ou une autre table.</translation>
        </message>
        <message>
            <source>The layer already has {names}: change Prefix of the new fields.</source>
            <translation>La couche a déjà {names} : changez Préfixe des nouveaux champs.</translation>
        </message>
        <message>
            <source>A Shapefile holds {most} fields at most: write a GeoPackage.</source>
            <translation>Un Shapefile tient {most} champs au plus : écrivez un GeoPackage.</translation>
        </message>
        <message>
            <source>the disk may be full</source>
            <translation>le disque est peut-être plein</translation>
        </message>
        <message>
            <source>Predict at points</source>
            <translation>Prédire en des points</translation>
        </message>
        <message>
            <source>Copies a point layer and adds what is predicted for each point, with its error: learnt from samples as Map from samples learns, or by a saved map.

New fields for numbers: the value, its standard error, both ends of the 90 % interval; for classes the most probable one and its probability. For both the dissimilarity index, whether the point lies inside the area of applicability (1) or not (0), and the distance to the nearest sample in km.</source>
            <translation>Copie une couche de points et ajoute ce qui est prédit pour chaque point, avec son erreur : appris d'échantillons comme le fait Carte à partir d'échantillons, ou d'après une carte enregistrée.

Nouveaux champs pour les nombres : la valeur, son erreur type, les deux bornes de l'intervalle à 90 % ; pour les classes la plus probable et sa probabilité. Pour les deux l'indice de dissimilarité, si le point est dans le domaine d'applicabilité (1) ou non (0), et la distance de l'échantillon le plus proche en km.</translation>
        </message>
        <message>
            <source>{count} features predicted, {share:.0f} % outside the area of applicability.</source>
            <translation>{count} entités prédites, dont {share:.0f} % hors du domaine d'applicabilité.</translation>
        </message>
        <message>
            <source>One more field for each class.</source>
            <translation>Un champ de plus par classe.</translation>
        </message>
        <message>
            <source>Fields are called after what is predicted, with this before it.</source>
            <translation>Les champs portent le nom de ce qui est prédit, précédé de ceci.</translation>
        </message>
        <message>
            <source>Predicted points</source>
            <translation>Points prédits</translation>
        </message>
        <message>
            <source>Give either samples to learn from, or a saved map.</source>
            <translation>Donnez soit des échantillons dont apprendre, soit une carte enregistrée.</translation>
        </message>
        <message>
            <source>Embedding raster</source>
            <translation>Raster de plongements</translation>
        </message>
        <message>
            <source>Writes location embeddings as a GeoTIFF, one band for each dimension, sampled at the centres of pixels.

The model turns longitude and latitude into 256 numbers that say what the place is like; nothing is downloaded. Pixels far finer than what the model resolves are smooth interpolation.</source>
            <translation>Écrit les plongements des lieux dans un GeoTIFF, une bande par dimension, aux centres des pixels.

Le modèle transforme longitude et latitude en 256 nombres qui disent à quoi ressemble le lieu ; rien n'est téléchargé. Des pixels bien plus fins que ce que le modèle distingue sont une interpolation lisse.</translation>
        </message>
        <message>
            <source>Similarity to places</source>
            <translation>Similarité à des lieux</translation>
        </message>
        <message>
            <source>Maps how alike every pixel is to one place: the cosine of the angle between their embeddings, -1 to 1. With several places, or counter-examples, a classifier tells them from random land: the chance that a pixel is like them, 0 to 1.

Give a point, a point layer, or the selected features of one. Compare with the values elsewhere before you trust a threshold: even unrelated places are a little alike.</source>
            <translation>Cartographie combien chaque pixel ressemble à un lieu : le cosinus de l'angle entre leurs plongements, de -1 à 1. Avec plusieurs lieux, ou des contre-exemples, un classifieur les distingue de terres au hasard : la probabilité qu'un pixel soit comme eux, de 0 à 1.

Donnez un point, une couche de points, ou les entités sélectionnées d'une couche. Comparez aux valeurs d'ailleurs avant de vous fier à un seuil : même des lieux sans rapport se ressemblent un peu.</translation>
        </message>
        <message>
            <source>Embedding colours (RGB)</source>
            <translation>Plongement en couleurs (RVB)</translation>
        </message>
        <message>
            <source>Shows the first three principal components of the embeddings as red, green and blue: places of like colour are alike.

The components are fitted on a sample of the pixels and stretched from the 2nd to the 98th percentile. Save them as a basis to give another extent the same colours.</source>
            <translation>Montre les trois premières composantes principales des plongements en rouge, vert et bleu : les lieux de couleur semblable se ressemblent.

Les composantes sont ajustées sur un échantillon des pixels et étirées du 2e au 98e centile. Enregistrez-les comme base pour donner les mêmes couleurs à une autre emprise.</translation>
        </message>
        <message>
            <source>Tolerance</source>
            <translation>Tolérance</translation>
        </message>
        <message>
            <source>Smooth models are interpolated where they are off by less than this share of the standard deviation, measured in every block: many times as fast. 0: every pixel is evaluated. Not set: 0.0001 where the type of the data does not show it (int16, uint8, float16, colours), else 0. The model that comes with the plugin is fast without.</source>
            <translation>Les modèles lisses sont interpolés là où l'écart est inférieur à cette part de l'écart type, mesuré dans chaque bloc : bien des fois plus rapide. 0 : chaque pixel est calculé. Non défini : 0,0001 là où le type de données ne le montre pas (int16, uint8, float16, couleurs), sinon 0. Le modèle fourni avec l'extension est rapide sans cela.</translation>
        </message>
        <message>
            <source>GeoTIFF</source>
            <translation>GeoTIFF</translation>
        </message>
        <message>
            <source>Cloud-optimised GeoTIFF (COG)</source>
            <translation>GeoTIFF optimisé pour le cloud (COG)</translation>
        </message>
        <message>
            <source>Both open in QGIS and are .tif files. A COG is for reading parts of it over the network, and has overviews of embeddings, so that all of it is drawn quickly; it takes longer to write.</source>
            <translation>Les deux s'ouvrent dans QGIS et sont des fichiers .tif. Un COG se lit par parties à travers le réseau et a des aperçus des plongements, si bien que l'ensemble s'affiche vite ; il est plus long à écrire.</translation>
        </message>
        <message>
            <source>A GeoTIFF (.tif) with names of bands and the origin of the model inside.</source>
            <translation>Un GeoTIFF (.tif) avec les noms des bandes et l'origine du modèle à l'intérieur.</translation>
        </message>
        <message>
            <source>float16 and int16 take half the space, uint8 a quarter. Whole numbers are scaled to norm 1; QGIS shows the values that they stand for.</source>
            <translation>float16 et int16 prennent moitié moins de place, uint8 un quart. Les nombres entiers sont ramenés à la norme 1 ; QGIS montre les valeurs qu'ils représentent.</translation>
        </message>
        <message>
            <source>Then a product of two embeddings is their cosine similarity.</source>
            <translation>Le produit de deux plongements est alors leur similarité cosinus.</translation>
        </message>
        <message>
            <source>Only the first ones, where 256 bands are too many; all where it is empty.</source>
            <translation>Seulement les premières, si 256 bandes sont de trop ; toutes si c'est vide.</translation>
        </message>
        <message>
            <source>Similarity</source>
            <translation>Similarité</translation>
        </message>
        <message>
            <source>Use the colours of another picture; fitted on this one where not given.</source>
            <translation>Utiliser les couleurs d'une autre image ; ajustées sur celle-ci si rien n'est donné.</translation>
        </message>
        <message>
            <source>Save basis</source>
            <translation>Enregistrer la base</translation>
        </message>
        <message>
            <source>Basis (*.json)</source>
            <translation>Base (*.json)</translation>
        </message>
        <message>
            <source>A small file to use the same colours again for another extent.</source>
            <translation>Un petit fichier pour réutiliser les mêmes couleurs sur une autre emprise.</translation>
        </message>
        <message>
            <source>Embedding colours</source>
            <translation>Plongement en couleurs</translation>
        </message>
        <message>
            <source>Format</source>
            <translation>Format</translation>
        </message>
        <message>
            <source>Data type</source>
            <translation>Type de données</translation>
        </message>
        <message>
            <source>Scale embeddings to norm 1</source>
            <translation>Ramener les plongements à la norme 1</translation>
        </message>
        <message>
            <source>Similarity to {place}</source>
            <translation>Similarité à {place}</translation>
        </message>
        <message>
            <source>Basis of another picture</source>
            <translation>Base d'une autre image</translation>
        </message>
        <message>
            <source>{width} x {height} pixels in {crs}, model {model}</source>
            <translation>{width} x {height} pixels en {crs}, modèle {model}</translation>
        </message>
        <message>
            <source>Similarity to {count} places</source>
            <translation>Similarité à {count} lieux</translation>
        </message>
        <message>
            <source>{target} is no GeoTIFF by its name: let it end in .tif.</source>
            <translation>{target} n'est pas un GeoTIFF d'après son nom : terminez-le par .tif.</translation>
        </message>
        <message>
            <source>{dtype}: 1 - cosine is {mean:.2g} in the mean, {most:.2g} at most</source>
            <translation>{dtype} : 1 - cosinus vaut {mean:.2g} en moyenne, {most:.2g} au plus</translation>
        </message>
        <message>
            <source>The colours show {share:.0f} % of the variance.</source>
            <translation>Les couleurs montrent {share:.0f} % de la variance.</translation>
        </message>
        <message>
            <source>The layer holds geometries that are no points ({kind}): choose Centroids of lines and polygons, or give a layer of points.</source>
            <translation>La couche contient des géométries qui ne sont pas des points ({kind}) : cochez Centroïdes des lignes et polygones, ou donnez une couche de points.</translation>
        </message>
        <message>
            <source>Lines and polygons count by their centroids. Not set: a layer with any is refused.</source>
            <translation>Lignes et polygones comptent par leur centroïde. Non coché : une couche qui en a est refusée.</translation>
        </message>
        <message>
            <source>mean of the similarities</source>
            <translation>moyenne des similarités</translation>
        </message>
        <message>
            <source>largest similarity</source>
            <translation>plus grande similarité</translation>
        </message>
        <message>
            <source>classifier (against random land)</source>
            <translation>classifieur (contre des terres au hasard)</translation>
        </message>
        <message>
            <source>Least distance between the places found. Not set: what the model resolves, for nearer places are hardly two to it. 0: none.</source>
            <translation>Distance minimale entre les lieux trouvés. Non défini : ce que le modèle distingue, car des lieux plus proches n'en font guère deux pour lui. 0 : aucune.</translation>
        </message>
        <message>
            <source>A place to compare with: click on the map, or type x,y [CRS].</source>
            <translation>Un lieu auquel comparer : cliquez sur la carte, ou tapez x,y [SCR].</translation>
        </message>
        <message>
            <source>Points to compare with, all or the selected ones; also together with the place.</source>
            <translation>Points auxquels comparer, tous ou ceux sélectionnés ; aussi en plus du lieu.</translation>
        </message>
        <message>
            <source>A place that is not meant, though the result may take it for alike.</source>
            <translation>Un lieu qui n'est pas voulu, bien que le résultat puisse le prendre pour semblable.</translation>
        </message>
        <message>
            <source>Points that are not meant, all or the selected ones.</source>
            <translation>Points qui ne sont pas voulus, tous ou ceux sélectionnés.</translation>
        </message>
        <message>
            <source>What a pixel gets where there are several places to compare with: the chance of being like them and not like random land, or the mean or largest cosine.</source>
            <translation>Ce que reçoit un pixel s'il y a plusieurs lieux auxquels comparer : la probabilité d'être comme eux et non comme des terres au hasard, ou le cosinus moyen ou le plus grand.</translation>
        </message>
        <message>
            <source>The random land that it is held against. That of the extent shows contrasts within it; against all land a place has the same chance in any extent, so that tiles of one map agree.</source>
            <translation>Les terres au hasard auxquelles on compare. Celles de l'emprise montrent les contrastes qu'elle contient ; face à toutes les terres, un lieu a la même probabilité dans toute emprise, et les tuiles d'une carte concordent.</translation>
        </message>
        <message>
            <source>Centroids of lines and polygons</source>
            <translation>Centroïdes des lignes et polygones</translation>
        </message>
        <message>
            <source>Number of places</source>
            <translation>Nombre de lieux</translation>
        </message>
        <message>
            <source>Place</source>
            <translation>Lieu</translation>
        </message>
        <message>
            <source>Places of a layer</source>
            <translation>Lieux d'une couche</translation>
        </message>
        <message>
            <source>Counter-example</source>
            <translation>Contre-exemple</translation>
        </message>
        <message>
            <source>Counter-examples of a layer</source>
            <translation>Contre-exemples d'une couche</translation>
        </message>
        <message>
            <source>Several places</source>
            <translation>Plusieurs lieux</translation>
        </message>
        <message>
            <source>Compared with</source>
            <translation>Comparé à</translation>
        </message>
        <message>
            <source>There is nothing to compare with: give a place or a layer of places.</source>
            <translation>Il n'y a rien à quoi comparer : donnez un lieu ou une couche de lieux.</translation>
        </message>
        <message>
            <source>The layer holds no place to compare with.</source>
            <translation>La couche ne contient aucun lieu auquel comparer.</translation>
        </message>
        <message>
            <source>land of the extent</source>
            <translation>terres de l'emprise</translation>
        </message>
        <message>
            <source>all land</source>
            <translation>toutes les terres</translation>
        </message>
        <message>
            <source>{count} features have no usable geometry (null, empty, or off the map).</source>
            <translation>{count} entités n'ont pas de géométrie utilisable (nulle, vide, ou hors de la carte).</translation>
        </message>
        <message>
            <source>The place {x:g}, {y:g} lies off the map of its CRS.</source>
            <translation>Le lieu {x:g}, {y:g} est hors de la carte de son SCR.</translation>
        </message>
        <message>
            <source>Similar areas</source>
            <translation>Zones semblables</translation>
        </message>
        <message>
            <source>Finds the areas that are like a place, or several, and gives them as polygons with their size in square kilometres and their mean and largest similarity.

An area is of grid cells that touch along a side and are more alike than a share of all land, or at least as alike as a number says.</source>
            <translation>Trouve les zones qui ressemblent à un lieu, ou à plusieurs, et les donne en polygones avec leur surface en kilomètres carrés et leur similarité moyenne et maximale.

Une zone est faite de cellules de grille qui se touchent par un côté et qui sont plus semblables qu'une part de toutes les terres, ou au moins aussi semblables que le dit un nombre.</translation>
        </message>
        <message>
            <source>The threshold: 95 leaves the 5 percent of land that are most alike.</source>
            <translation>Le seuil : 95 laisse les 5 pour cent de terres les plus semblables.</translation>
        </message>
        <message>
            <source>The threshold as a number, in place of the share of land.</source>
            <translation>Le seuil comme nombre, à la place de la part des terres.</translation>
        </message>
        <message>
            <source>Leaves out smaller areas.</source>
            <translation>Laisse de côté les zones plus petites.</translation>
        </message>
        <message>
            <source>Polygons with rank, area, similarity and the most similar place.</source>
            <translation>Polygones avec rang, surface, similarité et lieu le plus semblable.</translation>
        </message>
        <message>
            <source>More alike than (percent of land)</source>
            <translation>Plus semblable que (pour cent des terres)</translation>
        </message>
        <message>
            <source>Least similarity</source>
            <translation>Similarité minimale</translation>
        </message>
        <message>
            <source>Least area (square kilometres)</source>
            <translation>Surface minimale (kilomètres carrés)</translation>
        </message>
        <message>
            <source>{count} areas of {km2:.0f} km² in all, at or above {above:.3f}</source>
            <translation>{count} zones de {km2:.0f} km² en tout, à {above:.3f} ou au-dessus</translation>
        </message>
        <message>
            <source>Similar features</source>
            <translation>Entités semblables</translation>
        </message>
        <message>
            <source>Copies a layer and says of each feature how alike it is to some examples: selected features of the same layer, say, or those of another one.

With one example it is the cosine of their embeddings, -1 to 1; with several, or with counter-examples, the chance of being like them and not like random land, 0 to 1. Polygons count by the mean over their area, lines by that along them.</source>
            <translation>Copie une couche et dit de chaque entité combien elle ressemble à des exemples : des entités sélectionnées de la même couche, par exemple, ou celles d'une autre.

Avec un exemple, c'est le cosinus de leurs plongements, de -1 à 1 ; avec plusieurs, ou avec des contre-exemples, la probabilité d'être comme eux et non comme des terres au hasard, de 0 à 1. Les polygones comptent par la moyenne sur leur surface, les lignes par celle le long d'elles.</translation>
        </message>
        <message>
            <source>Examples</source>
            <translation>Exemples</translation>
        </message>
        <message>
            <source>Features to be like: all of a layer, or the selected ones.</source>
            <translation>Entités auxquelles ressembler : toutes celles d'une couche, ou celles sélectionnées.</translation>
        </message>
        <message>
            <source>Counter-examples</source>
            <translation>Contre-exemples</translation>
        </message>
        <message>
            <source>Features that are not meant, all or the selected ones.</source>
            <translation>Entités qui ne sont pas voulues, toutes ou celles sélectionnées.</translation>
        </message>
        <message>
            <source>What a feature gets where there are several examples to compare with.</source>
            <translation>Ce que reçoit une entité s'il y a plusieurs exemples auxquels comparer.</translation>
        </message>
        <message>
            <source>Features by similarity</source>
            <translation>Entités par similarité</translation>
        </message>
        <message>
            <source>Several examples</source>
            <translation>Plusieurs exemples</translation>
        </message>
        <message>
            <source>{name}, similarity to {examples}</source>
            <translation>{name}, similarité à {examples}</translation>
        </message>
        <message>
            <source>{count} of {name}</source>
            <translation>{count} de {name}</translation>
        </message>
        <message>
            <source>Most similar places</source>
            <translation>Lieux les plus semblables</translation>
        </message>
        <message>
            <source>Finds the places of an area that are most like a place, or several, and gives them as points, the most similar first.

The centres of a grid are compared. The places found lie a spacing apart: without one the most similar are all neighbours of one. A distance leaves out what lies near the places themselves.</source>
            <translation>Trouve les lieux d'une zone qui ressemblent le plus à un lieu, ou à plusieurs, et les donne comme points, les plus semblables d'abord.

Les centres d'une grille sont comparés. Les lieux trouvés sont espacés : sans espacement, les plus semblables sont tous voisins d'un seul. Une distance laisse de côté ce qui est près des lieux eux-mêmes.</translation>
        </message>
        <message>
            <source>How many grid cells are wanted, the most similar first.</source>
            <translation>Combien de cellules de grille sont voulues, les plus semblables d'abord.</translation>
        </message>
        <message>
            <source>Leaves out grid cells nearer than this to any of the places.</source>
            <translation>Laisse de côté les cellules de grille plus proches que cela de l'un des lieux.</translation>
        </message>
        <message>
            <source>Points with rank, similarity, longitude and latitude.</source>
            <translation>Points avec rang, similarité, longitude et latitude.</translation>
        </message>
        <message>
            <source>At least so far away from the places (kilometres)</source>
            <translation>Au moins aussi loin des lieux (kilomètres)</translation>
        </message>
        <message>
            <source>Similar places</source>
            <translation>Lieux semblables</translation>
        </message>
        <message>
            <source>Search by words</source>
            <translation>Recherche par mots</translation>
        </message>
        <message>
            <source>Maps how well every pixel fits words such as “desert near a coast”: the cosine of the angle between the embeddings of the place and of the words, and gives the best places as points.

It takes a model that was trained with words beside places (UniGeoCLIP): “words”, which comes with the plugin, knows some 240 of climate, land cover, relief and countries. A word that the model does not know is left out, with a warning that names the nearest that it knows.</source>
            <translation>Cartographie combien chaque pixel convient à des mots comme « desert near a coast » : le cosinus de l'angle entre les plongements du lieu et des mots, et donne les meilleurs lieux comme points.

Il faut un modèle entraîné avec des mots à côté des lieux (UniGeoCLIP) : « words », fourni avec l'extension, en connaît environ 240 sur le climat, l'occupation du sol, le relief et les pays. Un mot que le modèle ne connaît pas est laissé de côté, avec un avertissement qui nomme les plus proches qu'il connaît.</translation>
        </message>
        <message>
            <source>How many of the best places are given as points.</source>
            <translation>Combien des meilleurs lieux sont donnés comme points.</translation>
        </message>
        <message>
            <source>Points, the best first, with what is told of each.</source>
            <translation>Points, les meilleurs d'abord, avec ce qui est dit de chacun.</translation>
        </message>
        <message>
            <source>What to look for, in English. Left empty, the words that the model knows are told.</source>
            <translation>Ce qu'il faut chercher, en anglais. Si c'est vide, les mots que le modèle connaît sont donnés.</translation>
        </message>
        <message>
            <source>Best places</source>
            <translation>Meilleurs lieux</translation>
        </message>
        <message>
            <source>Give words to look for. The model knows: {words}</source>
            <translation>Donnez les mots à chercher. Le modèle connaît : {words}</translation>
        </message>
        <message>
            <source>&lt;h3&gt;satclip_embedding([geometry[, crs]])&lt;/h3&gt;&lt;p&gt;The embedding of the feature's place, an array of numbers: of a polygon the mean over its land, of a line that along it.&lt;/p&gt;&lt;p&gt;&lt;b&gt;geometry&lt;/b&gt;: another place, in the CRS of the layer, or in crs.&lt;/p&gt;&lt;pre&gt;satclip_embedding()[0]
satclip_embedding(make_point(23.6, -2.9), 'EPSG:4326')&lt;/pre&gt;</source>
            <translation>&lt;h3&gt;satclip_embedding([geometry[, crs]])&lt;/h3&gt;&lt;p&gt;Le plongement du lieu de l'entité, un tableau de nombres : d'un polygone la moyenne sur ses terres, d'une ligne celle le long d'elle.&lt;/p&gt;&lt;p&gt;&lt;b&gt;geometry&lt;/b&gt; : un autre lieu, dans le SCR de la couche, ou dans crs.&lt;/p&gt;&lt;pre&gt;satclip_embedding()[0]
satclip_embedding(make_point(23.6, -2.9), 'EPSG:4326')&lt;/pre&gt;</translation>
        </message>
        <message>
            <source>&lt;h3&gt;satclip_similarity(a[, b[, crs]])&lt;/h3&gt;&lt;p&gt;The cosine similarity of two places, -1 to 1.&lt;/p&gt;&lt;p&gt;&lt;b&gt;a&lt;/b&gt;, &lt;b&gt;b&lt;/b&gt;: geometries in the CRS of the layer, or in crs; or embeddings, as satclip_embedding gives them. Without b it is the feature's own place.&lt;/p&gt;&lt;pre&gt;satclip_similarity(geometry(get_feature('farms', 'name', 'Hillside')))
satclip_similarity($geometry, make_point(1113195, 5621521))&lt;/pre&gt;</source>
            <translation>&lt;h3&gt;satclip_similarity(a[, b[, crs]])&lt;/h3&gt;&lt;p&gt;La similarité cosinus de deux lieux, de -1 à 1.&lt;/p&gt;&lt;p&gt;&lt;b&gt;a&lt;/b&gt;, &lt;b&gt;b&lt;/b&gt; : géométries dans le SCR de la couche, ou dans crs ; ou plongements, tels que satclip_embedding les donne. Sans b, c'est le lieu de l'entité elle-même.&lt;/p&gt;&lt;pre&gt;satclip_similarity(geometry(get_feature('farms', 'name', 'Hillside')))
satclip_similarity($geometry, make_point(1113195, 5621521))&lt;/pre&gt;</translation>
        </message>
        <message>
            <source>&lt;h3&gt;satclip_property(name[, geometry[, crs]])&lt;/h3&gt;&lt;p&gt;A property of the feature's place as the model predicts it: a number, or the name of a class in English. Nothing but the land cover is known on water.&lt;/p&gt;&lt;p&gt;&lt;b&gt;name&lt;/b&gt;: temperature, temperature_january, temperature_july, rain, elevation, greenness, land_cover, night_light, population, koppen, as satclip describe tells them.&lt;/p&gt;&lt;pre&gt;satclip_property('rain')
satclip_property('land_cover') = 'cropland'&lt;/pre&gt;</source>
            <translation>&lt;h3&gt;satclip_property(name[, geometry[, crs]])&lt;/h3&gt;&lt;p&gt;Une propriété du lieu de l'entité telle que le modèle la prédit : un nombre, ou le nom d'une classe en anglais. Sur l'eau, on ne sait rien d'autre que l'occupation du sol.&lt;/p&gt;&lt;p&gt;&lt;b&gt;name&lt;/b&gt; : temperature, temperature_january, temperature_july, rain, elevation, greenness, land_cover, night_light, population, koppen, comme satclip describe les dit.&lt;/p&gt;&lt;pre&gt;satclip_property('rain')
satclip_property('land_cover') = 'cropland'&lt;/pre&gt;</translation>
        </message>
        <message>
            <source>{count} arguments: give {least} to {most}</source>
            <translation>{count} arguments : donnez-en de {least} à {most}</translation>
        </message>
        <message>
            <source>{value} is neither a geometry nor an embedding</source>
            <translation>{value} n'est ni une géométrie ni un plongement</translation>
        </message>
        <message>
            <source>embeddings of {one} and of {other} numbers cannot be compared</source>
            <translation>des plongements de {one} et de {other} nombres ne peuvent pas être comparés</translation>
        </message>
        <message>
            <source>an embedding is an array of numbers</source>
            <translation>un plongement est un tableau de nombres</translation>
        </message>
        <message>
            <source>{crs} is no CRS</source>
            <translation>{crs} n'est pas un SCR</translation>
        </message>
        <message>
            <source>{path} cannot be written: {reason}</source>
            <translation>{path} ne peut pas être écrit : {reason}</translation>
        </message>
        <message>
            <source>A location encoder turns a longitude and a latitude into numbers that say what the place looks like from above. This plugin puts them on the map: similar places, groups of places, maps of what was sampled, in words what a place is like.</source>
            <translation>Un encodeur de lieux transforme une longitude et une latitude en nombres qui disent à quoi ressemble le lieu vu du ciel. Cette extension les met sur la carte : lieux semblables, groupes de lieux, cartes à partir d'échantillons, et en mots ce qu'est un lieu.</translation>
        </message>
        <message>
            <source>Nothing is sent anywhere: the model is on this computer.</source>
            <translation>Rien n'est envoyé nulle part : le modèle est sur cet ordinateur.</translation>
        </message>
        <message>
            <source>The plugin is free software under the GNU General Public License, version 2 or later; the library inside (satclip_core) and its model are under the MIT licence.</source>
            <translation>L'extension est un logiciel libre sous licence publique générale GNU (GNU General Public License), version 2 ou ultérieure ; la bibliothèque qu'elle contient (satclip_core) et son modèle sont sous licence MIT.</translation>
        </message>
        <message>
            <source>The method is SatCLIP's: Klemmer, Rolf, Robinson, Mackey, Rußwurm: Satellite contrastive location-image pretraining, AAAI 2025.</source>
            <translation>La méthode est celle de SatCLIP : Klemmer, Rolf, Robinson, Mackey, Rußwurm : Satellite contrastive location-image pretraining, AAAI 2025.</translation>
        </message>
        <message>
            <source>Blue Marble, Black Marble, land cover and greenness: courtesy of NASA. Relief and sea: NOAA and GEBCO. Countries and capitals: Natural Earth.</source>
            <translation>Blue Marble, Black Marble, occupation du sol et verdure : avec l'aimable autorisation de la NASA. Relief et mer : NOAA et GEBCO. Pays et capitales : Natural Earth.</translation>
        </message>
        <message>
            <source>About SatCLIP embeddings</source>
            <translation>À propos de SatCLIP embeddings</translation>
        </message>
        <message>
            <source>Plugin</source>
            <translation>Extension</translation>
        </message>
        <message>
            <source>Reading the model…</source>
            <translation>Lecture du modèle…</translation>
        </message>
        <message>
            <source>Reading a model</source>
            <translation>Lecture d'un modèle</translation>
        </message>
        <message>
            <source>Home page</source>
            <translation>Page d'accueil</translation>
        </message>
        <message>
            <source>Source code</source>
            <translation>Code source</translation>
        </message>
        <message>
            <source>Report a fault</source>
            <translation>Signaler un défaut</translation>
        </message>
        <message>
            <source>Version {version}, in QGIS {qgis} with Qt {qt}</source>
            <translation>Version {version}, dans QGIS {qgis} avec Qt {qt}</translation>
        </message>
        <message>
            <source>Embed layer points…</source>
            <translation>Plongements d'une couche de points…</translation>
        </message>
        <message>
            <source>Select features of a layer first, by which the others are judged.</source>
            <translation>Sélectionnez d'abord dans une couche les entités d'après lesquelles juger les autres.</translation>
        </message>
        <message>
            <source>Embedding raster…</source>
            <translation>Raster de plongements…</translation>
        </message>
        <message>
            <source>Embedding colours…</source>
            <translation>Plongement en couleurs…</translation>
        </message>
        <message>
            <source>Groups of places…</source>
            <translation>Groupes de lieux…</translation>
        </message>
        <message>
            <source>Properties of places…</source>
            <translation>Propriétés des lieux…</translation>
        </message>
        <message>
            <source>Similar to the selected features…</source>
            <translation>Semblables aux entités sélectionnées…</translation>
        </message>
        <message>
            <source>Map from samples…</source>
            <translation>Carte à partir d'échantillons…</translation>
        </message>
        <message>
            <source>Models…</source>
            <translation>Modèles…</translation>
        </message>
        <message>
            <source>Settings…</source>
            <translation>Paramètres…</translation>
        </message>
        <message>
            <source>Example project…</source>
            <translation>Projet d'exemple…</translation>
        </message>
        <message>
            <source>Help</source>
            <translation>Aide</translation>
        </message>
        <message>
            <source>About…</source>
            <translation>À propos…</translation>
        </message>
        <message>
            <source>Select a point layer in the Layers panel first.</source>
            <translation>Sélectionnez d'abord une couche de points dans le panneau Couches.</translation>
        </message>
        <message>
            <source>Embed layer points: select a point layer first</source>
            <translation>Plongements d'une couche de points : sélectionnez d'abord une couche de points</translation>
        </message>
        <message>
            <source>From now on: {model}</source>
            <translation>Désormais : {model}</translation>
        </message>
        <message>
            <source>As counter-examples</source>
            <translation>Comme contre-exemples</translation>
        </message>
        <message>
            <source>No layer of points and no selected features</source>
            <translation>Ni couche de points ni entités sélectionnées</translation>
        </message>
        <message>
            <source>Selected features of {layer} ({count})</source>
            <translation>Entités sélectionnées de {layer} ({count})</translation>
        </message>
        <message>
            <source>All points of {layer} ({count})</source>
            <translation>Tous les points de {layer} ({count})</translation>
        </message>
        <message>
            <source>In brackets the range of 8 in 10 labels, or the probability of the class; then the error at places left out.</source>
            <translation>Entre parenthèses l'intervalle de 8 valeurs sur 10, ou la probabilité de la classe ; puis l'erreur en des lieux mis de côté.</translation>
        </message>
        <message>
            <source>Predicted by the model, not measured.</source>
            <translation>Prédit par le modèle, non mesuré.</translation>
        </message>
        <message>
            <source>Alike in {names}</source>
            <translation>En commun : {names}</translation>
        </message>
        <message>
            <source>Apart in {names}</source>
            <translation>Ce qui diffère : {names}</translation>
        </message>
        <message>
            <source>The map is empty. Add a layer to see where you click, or begin with Raster → SatCLIP → Example project.</source>
            <translation>La carte est vide. Ajoutez une couche pour voir où vous cliquez, ou commencez par Raster → SatCLIP → Projet d'exemple.</translation>
        </message>
        <message>
            <source>{text} is no place that is known here: give coordinates such as 47.37 8.54.</source>
            <translation>{text} n'est pas un lieu connu ici : donnez des coordonnées comme 47,37 8,54.</translation>
        </message>
        <message>
            <source>Click on the map.</source>
            <translation>Cliquez sur la carte.</translation>
        </message>
        <message>
            <source>The model {name} is gone: the bundled one is used.</source>
            <translation>Le modèle {name} a disparu : celui fourni est utilisé.</translation>
        </message>
        <message>
            <source>{taken} of {count} places are taken, drawn at random.</source>
            <translation>{taken} lieux sur {count} sont pris, tirés au hasard.</translation>
        </message>
        <message>
            <source>The layer was removed. A click, or any change of the places, draws it again.</source>
            <translation>La couche a été supprimée. Un clic, ou tout changement des lieux, la redessine.</translation>
        </message>
        <message>
            <source> – a finer picture is coming</source>
            <translation> – une image plus fine arrive</translation>
        </message>
        <message>
            <source>{reason}. The model {name} is used until you choose another.</source>
            <translation>{reason}. Le modèle {name} sert jusqu'à ce que vous en choisissiez un autre.</translation>
        </message>
        <message>
            <source>The map has no coordinate reference system.</source>
            <translation>La carte n'a pas de système de coordonnées de référence.</translation>
        </message>
        <message>
            <source>Click on a place that is meant first.</source>
            <translation>Cliquez d'abord sur un lieu qui est voulu.</translation>
        </message>
        <message>
            <source>The map does not show this place.</source>
            <translation>La carte ne montre pas ce lieu.</translation>
        </message>
        <message>
            <source>The places that the project keeps cannot be read ({reason}).</source>
            <translation>Les lieux que garde le projet ne peuvent pas être lus ({reason}).</translation>
        </message>
        <message>
            <source>Embedded every {step:.2g}°</source>
            <translation>Plongement calculé tous les {step:.2g}°</translation>
        </message>
        <message>
            <source>Embedding the view…</source>
            <translation>Calcul des plongements de la vue…</translation>
        </message>
        <message>
            <source>There is no place there.</source>
            <translation>Il n'y a pas de lieu à cet endroit.</translation>
        </message>
        <message>
            <source>, error below {error:.1g} where checked</source>
            <translation>, erreur inférieure à {error:.1g} là où c'est vérifié</translation>
        </message>
        <message>
            <source>The file exists: it gets a further table.</source>
            <translation>Le fichier existe : il reçoit une table de plus.</translation>
        </message>
        <message>
            <source>{path} has a table {table}. Replace it?</source>
            <translation>{path} a une table {table}. La remplacer ?</translation>
        </message>
        <message>
            <source>Give the table a name, without quotes and brackets.</source>
            <translation>Donnez à la table un nom sans guillemets ni parenthèses.</translation>
        </message>
        <message>
            <source>Embed layer points</source>
            <translation>Plongements d'une couche de points</translation>
        </message>
        <message>
            <source>New layer, a column for each dimension</source>
            <translation>Nouvelle couche, une colonne par dimension</translation>
        </message>
        <message>
            <source>New layer, one array field</source>
            <translation>Nouvelle couche, un champ tableau</translation>
        </message>
        <message>
            <source>Copy as GeoPackage</source>
            <translation>Copie en GeoPackage</translation>
        </message>
        <message>
            <source>GeoPackage (*.gpkg)</source>
            <translation>GeoPackage (*.gpkg)</translation>
        </message>
        <message>
            <source>Result</source>
            <translation>Résultat</translation>
        </message>
        <message>
            <source>File</source>
            <translation>Fichier</translation>
        </message>
        <message>
            <source>Table</source>
            <translation>Table</translation>
        </message>
        <message>
            <source>The file has a table of this name: it would be replaced.</source>
            <translation>Le fichier a une table de ce nom : elle serait remplacée.</translation>
        </message>
        <message>
            <source>{name} ({count} features)</source>
            <translation>{name} ({count} entités)</translation>
        </message>
        <message>
            <source>{path} exists and is no GeoPackage: give another name.</source>
            <translation>{path} existe et n'est pas un GeoPackage : donnez un autre nom.</translation>
        </message>
        <message>
            <source>{table} is the layer that is read: give the table another name.</source>
            <translation>{table} est la couche qui est lue : donnez un autre nom à la table.</translation>
        </message>
        <message>
            <source>Adding a table to a GeoPackage</source>
            <translation>Ajout d'une table à un GeoPackage</translation>
        </message>
        <message>
            <source>{count} points embedded</source>
            <translation>{count} points plongés</translation>
        </message>
        <message>
            <source>Selected features only ({count})</source>
            <translation>Entités sélectionnées uniquement ({count})</translation>
        </message>
        <message>
            <source>it failed</source>
            <translation>cela a échoué</translation>
        </message>
        <message>
            <source>The example lies in {folder}. Help → First steps says what to try.</source>
            <translation>L'exemple est dans {folder}. Aide → Premiers pas dit quoi essayer.</translation>
        </message>
        <message>
            <source>Where shall the example project lie?</source>
            <translation>Où placer le projet d'exemple ?</translation>
        </message>
        <message>
            <source>Cannot write to {folder}: {reason}</source>
            <translation>Impossible d'écrire dans {folder} : {reason}</translation>
        </message>
        <message>
            <source>Similarity to {places}</source>
            <translation>Similarité à {places}</translation>
        </message>
        <message>
            <source>Areas like {places}</source>
            <translation>Zones semblables à {places}</translation>
        </message>
        <message>
            <source>Example</source>
            <translation>Exemple</translation>
        </message>
        <message>
            <source>Checking {name}</source>
            <translation>Vérification de {name}</translation>
        </message>
        <message>
            <source>{name} could not be fetched: {reason}</source>
            <translation>{name} n'a pas pu être téléchargé : {reason}</translation>
        </message>
        <message>
            <source>Coloured: the similarity of the view. Grey line: of random places on land. Click to set the threshold.</source>
            <translation>En couleur : la similarité de la vue. Ligne grise : celle de lieux terrestres au hasard. Cliquez pour fixer le seuil.</translation>
        </message>
        <message>
            <source>chance of being alike</source>
            <translation>probabilité d'être semblable</translation>
        </message>
        <message>
            <source>cosine similarity</source>
            <translation>similarité cosinus</translation>
        </message>
        <message>
            <source>No place yet</source>
            <translation>Aucun lieu encore</translation>
        </message>
        <message>
            <source>Predicted</source>
            <translation>Prédit</translation>
        </message>
        <message>
            <source>{count} bands</source>
            <translation>{count} bandes</translation>
        </message>
        <message>
            <source>Similarity in view</source>
            <translation>Similarité dans la vue</translation>
        </message>
        <message>
            <source>{place}: off by {steps} standard errors</source>
            <translation>{place} : écart de {steps} erreurs types</translation>
        </message>
        <message>
            <source>{place}: {chance} for its own class</source>
            <translation>{place} : {chance} pour sa propre classe</translation>
        </message>
        <message>
            <source>Leave them out</source>
            <translation>Les écarter</translation>
        </message>
        <message>
            <source>Rows: the class of the sample. Columns: what was said. Click to see the samples.</source>
            <translation>Lignes : la classe de l'échantillon. Colonnes : ce qui a été prédit. Cliquez pour voir les échantillons.</translation>
        </message>
        <message>
            <source>Tick what to leave out. Click on a sample to see it on the map.</source>
            <translation>Cochez ce qui est à écarter. Cliquez sur un échantillon pour le voir sur la carte.</translation>
        </message>
        <message>
            <source>Test again without the ticked ones</source>
            <translation>Éprouver à nouveau sans ceux cochés</translation>
        </message>
        <message>
            <source>; moves the map by {moved} in the mean</source>
            <translation> ; fait varier la carte de {moved} en moyenne</translation>
        </message>
        <message>
            <source>Samples that hurt most</source>
            <translation>Échantillons qui nuisent le plus</translation>
        </message>
        <message>
            <source>{count} of {all} samples of {own} were taken for {said}</source>
            <translation>{count} échantillons sur {all} de {own} ont été pris pour {said}</translation>
        </message>
        <message>
            <source>Sample</source>
            <translation>Échantillon</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>Valeur</translation>
        </message>
        <message>
            <source>Without it</source>
            <translation>Sans lui</translation>
        </message>
        <message>
            <source>Off by</source>
            <translation>Écart</translation>
        </message>
        <message>
            <source>Class</source>
            <translation>Classe</translation>
        </message>
        <message>
            <source>Said</source>
            <translation>Prédiction</translation>
        </message>
        <message>
            <source>Chance</source>
            <translation>Probabilité</translation>
        </message>
        <message>
            <source>Before: {score}</source>
            <translation>Avant : {score}</translation>
        </message>
        <message>
            <source>left out</source>
            <translation>écarté</translation>
        </message>
        <message>
            <source>GeoTIFF (*.tif *.tiff)</source>
            <translation>GeoTIFF (*.tif *.tiff)</translation>
        </message>
        <message>
            <source>Temporary file</source>
            <translation>Fichier temporaire</translation>
        </message>
        <message>
            <source>Make the map</source>
            <translation>Faire la carte</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>Annuler</translation>
        </message>
        <message>
            <source>More options…</source>
            <translation>Plus d'options…</translation>
        </message>
        <message>
            <source>The same in the dialog of the algorithm: covariates, weights, groups, a report.</source>
            <translation>La même chose dans la boîte de dialogue de l'algorithme : covariables, poids, groupes, un rapport.</translation>
        </message>
        <message>
            <source>Making the map…</source>
            <translation>Création de la carte…</translation>
        </message>
        <message>
            <source>Save as</source>
            <translation>Enregistrer sous</translation>
        </message>
        <message>
            <source>{names}: will be replaced.</source>
            <translation>{names} : sera remplacé.</translation>
        </message>
        <message>
            <source>{field}, mapped from {layer}</source>
            <translation>{field}, cartographié d'après {layer}</translation>
        </message>
        <message>
            <source>The map is there, with its error and where that does not hold.</source>
            <translation>La carte est là, avec son erreur et les endroits où celle-ci ne vaut pas.</translation>
        </message>
        <message>
            <source>Add a layer of points where a value is known.</source>
            <translation>Ajoutez une couche de points où une valeur est connue.</translation>
        </message>
        <message>
            <source>Testing how well {field} can be mapped…</source>
            <translation>Vérification de ce que vaudrait une carte de {field}…</translation>
        </message>
        <message>
            <source>Choose the field to map.</source>
            <translation>Choisissez le champ à cartographier.</translation>
        </message>
        <message>
            <source>Choose the area to map.</source>
            <translation>Choisissez la zone à cartographier.</translation>
        </message>
        <message>
            <source>Area</source>
            <translation>Zone</translation>
        </message>
        <message>
            <source>Pixel size</source>
            <translation>Taille des pixels</translation>
        </message>
        <message>
            <source>Numbers, or the names of classes.</source>
            <translation>Des nombres, ou des noms de classes.</translation>
        </message>
        <message>
            <source>Numbers are codes of classes</source>
            <translation>Les nombres sont des codes de classes</translation>
        </message>
        <message>
            <source>around the samples</source>
            <translation>autour des échantillons</translation>
        </message>
        <message>
            <source>what the map shows</source>
            <translation>ce que montre la carte</translation>
        </message>
        <message>
            <source>a country</source>
            <translation>un pays</translation>
        </message>
        <message>
            <source>another extent</source>
            <translation>une autre emprise</translation>
        </message>
        <message>
            <source>Name in English, or ISO code</source>
            <translation>Nom en anglais, ou code ISO</translation>
        </message>
        <message>
            <source>as the model resolves</source>
            <translation>selon ce que le modèle distingue</translation>
        </message>
        <message>
            <source>In units of the project's CRS. 0: a quarter of what the model resolves.</source>
            <translation>En unités du SCR du projet. 0 : un quart de ce que le modèle distingue.</translation>
        </message>
        <message>
            <source>No data at sea, where the models have learnt nothing.</source>
            <translation>Sans données en mer, où les modèles n'ont rien appris.</translation>
        </message>
        <message>
            <source>observed {observed}, predicted {predicted}; click to see the sample</source>
            <translation>observé {observed}, prédit {predicted} ; cliquez pour voir l'échantillon</translation>
        </message>
        <message>
            <source>observed</source>
            <translation>observé</translation>
        </message>
        <message>
            <source>predicted</source>
            <translation>prédit</translation>
        </message>
        <message>
            <source>Explains {share} % of the differences at places it has not seen; typical error ± {error}.</source>
            <translation>Explique {share} % des différences en des lieux qu'elle n'a pas vus ; erreur courante ± {error}.</translation>
        </message>
        <message>
            <source>Tested on {count} samples, whole neighbourhoods left out in turn.</source>
            <translation>Éprouvée sur {count} échantillons, mis de côté tour à tour par voisinages entiers.</translation>
        </message>
        <message>
            <source>{share} % of the map is unlike all samples: there the score says nothing (hatched on the map).</source>
            <translation>{share} % de la carte diffère de tous les échantillons : le score n'y dit rien (hachuré sur la carte).</translation>
        </message>
        <message>
            <source>{count} of {all} values look like missing ones or gross errors: {values}. They bend the whole map.</source>
            <translation>{count} valeurs sur {all} semblent manquantes ou grossièrement fausses : {values}. Elles faussent toute la carte.</translation>
        </message>
        <message>
            <source>{width} × {height} pixels of {size} {unit}</source>
            <translation>{width} × {height} pixels de {size} {unit}</translation>
        </message>
        <message>
            <source>Right in {right} of 10 places it has not seen. Always saying {common} would be right in {often}.</source>
            <translation>Juste pour {right} lieux sur 10 qu'elle n'a pas vus. Dire toujours {common} serait juste pour {often}.</translation>
        </message>
        <message>
            <source>No better than the mean of all samples at places it has not seen (typical error ± {error}): do not trust the map.</source>
            <translation>Ne vaut pas mieux que la moyenne de tous les échantillons en des lieux qu'elle n'a pas vus (erreur courante ± {error}) : ne vous fiez pas à la carte.</translation>
        </message>
        <message>
            <source>Tried on that many of {count} samples; the map learns from all.</source>
            <translation>Essayée sur autant des {count} échantillons ; la carte apprend de tous.</translation>
        </message>
        <message>
            <source>Tested on {count} samples, left out in turn, as far from the others as the map's pixels are from samples.</source>
            <translation>Éprouvée sur {count} échantillons, mis de côté tour à tour, aussi loin des autres que les pixels de la carte le sont des échantillons.</translation>
        </message>
        <message>
            <source>Only {count} lie in the area, too few to score it alone.</source>
            <translation>Seuls {count} sont dans la zone, trop peu pour lui donner son propre score.</translation>
        </message>
        <message>
            <source>The score is that of the {count} in the area.</source>
            <translation>Le score est celui des {count} qui sont dans la zone.</translation>
        </message>
        <message>
            <source>Testing a map from samples</source>
            <translation>Mise à l'épreuve d'une carte à partir d'échantillons</translation>
        </message>
        <message>
            <source>comes with the plugin</source>
            <translation>fourni avec l'extension</translation>
        </message>
        <message>
            <source>fetched</source>
            <translation>téléchargé</translation>
        </message>
        <message>
            <source>installed</source>
            <translation>installé</translation>
        </message>
        <message>
            <source>not fetched</source>
            <translation>non téléchargé</translation>
        </message>
        <message>
            <source>SatCLIP models</source>
            <translation>Modèles SatCLIP</translation>
        </message>
        <message>
            <source>State</source>
            <translation>État</translation>
        </message>
        <message>
            <source>L</source>
            <translation>L</translation>
        </message>
        <message>
            <source>Effective resolution</source>
            <translation>Résolution effective</translation>
        </message>
        <message>
            <source>Licence</source>
            <translation>Licence</translation>
        </message>
        <message>
            <source>Size</source>
            <translation>Taille</translation>
        </message>
        <message>
            <source>Use this model</source>
            <translation>Utiliser ce modèle</translation>
        </message>
        <message>
            <source>Fetch</source>
            <translation>Télécharger</translation>
        </message>
        <message>
            <source>Open a file…</source>
            <translation>Ouvrir un fichier…</translation>
        </message>
        <message>
            <source>Close</source>
            <translation>Fermer</translation>
        </message>
        <message>
            <source>Open a model</source>
            <translation>Ouvrir un modèle</translation>
        </message>
        <message>
            <source>Models (*.npz *.ckpt *.pth.tar)</source>
            <translation>Modèles (*.npz *.ckpt *.pth.tar)</translation>
        </message>
        <message>
            <source>Encoder</source>
            <translation>Encodeur</translation>
        </message>
        <message>
            <source>SHA-256</source>
            <translation>SHA-256</translation>
        </message>
        <message>
            <source>From</source>
            <translation>Provenance</translation>
        </message>
        <message>
            <source>Download from the Hugging Face hub, with QGIS' proxy.</source>
            <translation>Télécharger depuis le Hugging Face Hub, par le proxy de QGIS.</translation>
        </message>
        <message>
            <source>Settings → Options → SatCLIP says that nothing may be fetched.</source>
            <translation>D'après Préférences → Options → SatCLIP, rien ne doit être téléchargé.</translation>
        </message>
        <message>
            <source>noted on the first fetch</source>
            <translation>noté au premier téléchargement</translation>
        </message>
        <message>
            <source>file</source>
            <translation>fichier</translation>
        </message>
        <message>
            <source>Fetching {name}…</source>
            <translation>Téléchargement de {name}…</translation>
        </message>
        <message>
            <source>Stopped.</source>
            <translation>Arrêté.</translation>
        </message>
        <message>
            <source>{name} is here, and checked.</source>
            <translation>{name} est là, et vérifié.</translation>
        </message>
        <message>
            <source>Similar places: only on land</source>
            <translation>Lieux semblables : seulement sur terre</translation>
        </message>
        <message>
            <source>all processors</source>
            <translation>tous les processeurs</translation>
        </message>
        <message>
            <source>Published models may be fetched when I ask for it</source>
            <translation>Les modèles publiés peuvent être téléchargés quand je le demande</translation>
        </message>
        <message>
            <source>Threads at most</source>
            <translation>Fils d'exécution au plus</translation>
        </message>
        <message>
            <source>Folder of fetched models</source>
            <translation>Dossier des modèles téléchargés</translation>
        </message>
        <message>
            <source>The model that comes with the plugin needs no folder and no network.</source>
            <translation>Le modèle fourni avec l'extension n'a besoin ni de dossier ni de réseau.</translation>
        </message>
        <message>
            <source>Press Pick places, then click on the map.</source>
            <translation>Appuyez sur Choisir des lieux, puis cliquez sur la carte.</translation>
        </message>
        <message>
            <source>Pick places</source>
            <translation>Choisir des lieux</translation>
        </message>
        <message>
            <source>Whether clicks on the map pick places.</source>
            <translation>Si les clics sur la carte choisissent des lieux.</translation>
        </message>
        <message>
            <source>Collect: each click adds a place</source>
            <translation>Collecter : chaque clic ajoute un lieu</translation>
        </message>
        <message>
            <source>Otherwise a click begins anew. Shift-click or Ctrl-click switches this on.</source>
            <translation>Sinon un clic recommence. Maj+clic ou Ctrl+clic active cette option.</translation>
        </message>
        <message>
            <source>Add</source>
            <translation>Ajouter</translation>
        </message>
        <message>
            <source>Places from the features of a layer</source>
            <translation>Des lieux d'après les entités d'une couche</translation>
        </message>
        <message>
            <source>Learnt from the places</source>
            <translation>Appris des lieux</translation>
        </message>
        <message>
            <source>Mean of the places</source>
            <translation>Moyenne des lieux</translation>
        </message>
        <message>
            <source>Most similar place</source>
            <translation>Lieu le plus semblable</translation>
        </message>
        <message>
            <source>With several places: what a pixel's similarity is. Learnt: the chance of being like them and not like random land. With counter-examples it is always learnt.</source>
            <translation>Avec plusieurs lieux : ce qu'est la similarité d'un pixel. Appris : la probabilité d'être comme eux et non comme des terres au hasard. Avec des contre-exemples, c'est toujours appris.</translation>
        </message>
        <message>
            <source>Leave out the sea, where the models have learnt nothing.</source>
            <translation>Laisser de côté la mer, où les modèles n'ont rien appris.</translation>
        </message>
        <message>
            <source>More similar than</source>
            <translation>Plus semblable que</translation>
        </message>
        <message>
            <source>Draw only what is more similar than that share of the land.</source>
            <translation>Ne dessiner que ce qui est plus semblable que cette part des terres.</translation>
        </message>
        <message>
            <source> % of land</source>
            <translation> % des terres</translation>
        </message>
        <message>
            <source>Against this view</source>
            <translation>Face à la vue</translation>
        </message>
        <message>
            <source>Against all land</source>
            <translation>Face à toutes les terres</translation>
        </message>
        <message>
            <source>The land that similarity is held against: colours, threshold, and what is learnt from several places go by it. That of this view shows contrasts within it; against all land, colours mean the same in every view.</source>
            <translation>Les terres auxquelles la similarité est comparée : couleurs, seuil et ce qui est appris de plusieurs lieux en dépendent. Celles de la vue montrent les contrastes qu'elle contient ; face à toutes les terres, les couleurs ont le même sens dans toute vue.</translation>
        </message>
        <message>
            <source>How opaque the layer is</source>
            <translation>L'opacité de la couche</translation>
        </message>
        <message>
            <source>Opacity</source>
            <translation>Opacité</translation>
        </message>
        <message>
            <source>Export</source>
            <translation>Exporter</translation>
        </message>
        <message>
            <source>Similar areas as polygons…</source>
            <translation>Zones semblables en polygones…</translation>
        </message>
        <message>
            <source>Similarity as GeoTIFF…</source>
            <translation>Similarité en GeoTIFF…</translation>
        </message>
        <message>
            <source>Places as points…</source>
            <translation>Lieux en points…</translation>
        </message>
        <message>
            <source>Model: {name}</source>
            <translation>Modèle : {name}</translation>
        </message>
        <message>
            <source>Each click adds a place, Ctrl-click one that is not meant. Clear begins anew.</source>
            <translation>Chaque clic ajoute un lieu, Ctrl+clic un lieu qui n'est pas voulu. Effacer recommence.</translation>
        </message>
        <message>
            <source>Click: what is like this? Shift-click: and like this. Ctrl-click: not this.</source>
            <translation>Clic : qu'est-ce qui ressemble à ceci ? Maj+clic : et à ceci. Ctrl+clic : pas à ceci.</translation>
        </message>
        <message>
            <source>Model: {name}, resolves {size}</source>
            <translation>Modèle : {name}, distingue {size}</translation>
        </message>
        <message>
            <source>Coordinates, country or feature</source>
            <translation>Coordonnées, pays ou entité</translation>
        </message>
        <message>
            <source>Adds a place: 47.37 8.54, or 47°22'12"N 8°32'24"E, or the beginning of the name of a country or of a feature of the active layer.</source>
            <translation>Ajoute un lieu : 47,37 8,54, ou 47°22'12"N 8°32'24"E, ou le début du nom d'un pays ou d'une entité de la couche active.</translation>
        </message>
        <message>
            <source>A counter-example: what is like it is not meant.</source>
            <translation>Un contre-exemple : ce qui lui ressemble n'est pas voulu.</translation>
        </message>
        <message>
            <source>An example: what is like it is meant.</source>
            <translation>Un exemple : ce qui lui ressemble est voulu.</translation>
        </message>
        <message>
            <source>Double-click: zoom to the place</source>
            <translation>Double-clic : zoomer sur le lieu</translation>
        </message>
        <message>
            <source>Undo</source>
            <translation>Annuler</translation>
        </message>
        <message>
            <source>Take back the last change</source>
            <translation>Annuler le dernier changement</translation>
        </message>
        <message>
            <source>Redo</source>
            <translation>Rétablir</translation>
        </message>
        <message>
            <source>Do again what was taken back</source>
            <translation>Refaire ce qui a été annulé</translation>
        </message>
        <message>
            <source>Zoom to</source>
            <translation>Zoomer sur</translation>
        </message>
        <message>
            <source>Zoom to the place</source>
            <translation>Zoomer sur le lieu</translation>
        </message>
        <message>
            <source>Change kind</source>
            <translation>Changer le type</translation>
        </message>
        <message>
            <source>Make it a counter-example, or an example again</source>
            <translation>En faire un contre-exemple, ou de nouveau un exemple</translation>
        </message>
        <message>
            <source>Remove</source>
            <translation>Supprimer</translation>
        </message>
        <message>
            <source>Remove the selected places (Del)</source>
            <translation>Supprimer les lieux sélectionnés (Suppr)</translation>
        </message>
        <message>
            <source>Clear</source>
            <translation>Effacer</translation>
        </message>
        <message>
            <source>Remove all places</source>
            <translation>Supprimer tous les lieux</translation>
        </message>
        <message>
            <source>Rename</source>
            <translation>Renommer</translation>
        </message>
        <message>
            <source>{kind} Double-click changes it.</source>
            <translation>{kind} Un double-clic le change.</translation>
        </message>
        <message>
            <source>{place}. Double-click or F2: rename</source>
            <translation>{place}. Double-clic ou F2 : renommer</translation>
        </message>
        <message>
            <source>Save the similarity</source>
            <translation>Enregistrer la similarité</translation>
        </message>
        <message>
            <source>{width} × {height} pixels are looked at</source>
            <translation>{width} × {height} pixels sont examinés</translation>
        </message>
        <message>
            <source>{width} × {height} pixels, {size:.3g} MB at most</source>
            <translation>{width} × {height} pixels, {size:.3g} Mo au plus</translation>
        </message>
        <message>
            <source>{size}: too large</source>
            <translation>{size} : trop grand</translation>
        </message>
        <message>
            <source>{path} exists. Replace it?</source>
            <translation>{path} existe. Le remplacer ?</translation>
        </message>
        <message>
            <source>Save similar areas</source>
            <translation>Enregistrer les zones semblables</translation>
        </message>
        <message>
            <source>Save places</source>
            <translation>Enregistrer les lieux</translation>
        </message>
        <message>
            <source>Saving the similarity</source>
            <translation>Enregistrement de la similarité</translation>
        </message>
        <message>
            <source>Saving similar areas</source>
            <translation>Enregistrement des zones semblables</translation>
        </message>
        <message>
            <source>{path} was written but cannot be opened.</source>
            <translation>{path} a été écrit mais ne peut pas être ouvert.</translation>
        </message>
        <message>
            <source>similar areas</source>
            <translation>zones semblables</translation>
        </message>
        <message>
            <source>places</source>
            <translation>lieux</translation>
        </message>
        <message>
            <source>Saved {path}</source>
            <translation>{path} enregistré</translation>
        </message>
        <message>
            <source>The model knows nothing finer than {resolution}; a pixel of this view is {pixel}. The circle at the pointer is of that size.</source>
            <translation>Le modèle ne connaît rien de plus fin que {resolution} ; un pixel de cette vue fait {pixel}. Le cercle autour du pointeur a la taille de ce que le modèle distingue.</translation>
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
            <translation>Calcul des plongements de la vue</translation>
        </message>
        <message>
            <source>Embedding random places on land</source>
            <translation>Calcul des plongements de lieux terrestres au hasard</translation>
        </message>
        <message>
            <source>Opening the model</source>
            <translation>Ouverture du modèle</translation>
        </message>
        <message>
            <source>{x:.10g}, {y:.10g} of the map ({crs})</source>
            <translation>{x:.10g}, {y:.10g} de la carte ({crs})</translation>
        </message>
        <message>
            <source>{name} ({layer})</source>
            <translation>{name} ({layer})</translation>
        </message>
        <message>
            <source>R² {r2} of its logarithm, RMSE {rmse}</source>
            <translation>R² {r2} de son logarithme, RMSE {rmse}</translation>
        </message>
        <message>
            <source>R² {r2}, RMSE {rmse}</source>
            <translation>R² {r2}, RMSE {rmse}</translation>
        </message>
        <message>
            <source>about {number} m above the sea</source>
            <translation>à environ {number} m au-dessus de la mer</translation>
        </message>
        <message>
            <source>low-lying</source>
            <translation>de basse altitude</translation>
        </message>
        <message>
            <source>hardly any people</source>
            <translation>presque inhabité</translation>
        </message>
        <message>
            <source>few people</source>
            <translation>peu d'habitants</translation>
        </message>
        <message>
            <source>settled</source>
            <translation>habité</translation>
        </message>
        <message>
            <source>many people</source>
            <translation>beaucoup d'habitants</translation>
        </message>
        <message>
            <source>water; what else there is to know, the model knows on land only</source>
            <translation>eau ; le reste, le modèle ne le sait que sur terre</translation>
        </message>
        <message>
            <source>{low} to {high}</source>
            <translation>de {low} à {high}</translation>
        </message>
        <message>
            <source>cluster {number}</source>
            <translation>groupe {number}</translation>
        </message>
        <message>
            <source>warmer</source>
            <translation>plus chaud</translation>
        </message>
        <message>
            <source>colder</source>
            <translation>plus froid</translation>
        </message>
        <message>
            <source>wetter</source>
            <translation>plus humide</translation>
        </message>
        <message>
            <source>drier</source>
            <translation>plus sec</translation>
        </message>
        <message>
            <source>higher</source>
            <translation>plus élevé</translation>
        </message>
        <message>
            <source>lower</source>
            <translation>plus bas</translation>
        </message>
        <message>
            <source>greener</source>
            <translation>plus vert</translation>
        </message>
        <message>
            <source>barer</source>
            <translation>plus dénudé</translation>
        </message>
        <message>
            <source>mean temperature of the year</source>
            <translation>température moyenne de l'année</translation>
        </message>
        <message>
            <source>mean temperature of January</source>
            <translation>température moyenne de janvier</translation>
        </message>
        <message>
            <source>mean temperature of July</source>
            <translation>température moyenne de juillet</translation>
        </message>
        <message>
            <source>yearly rain and snow</source>
            <translation>pluie et neige annuelles</translation>
        </message>
        <message>
            <source>elevation</source>
            <translation>altitude</translation>
        </message>
        <message>
            <source>greenness at its height (NDVI)</source>
            <translation>verdure à son maximum (NDVI)</translation>
        </message>
        <message>
            <source>land cover</source>
            <translation>occupation du sol</translation>
        </message>
        <message>
            <source>night light, 0 to 255</source>
            <translation>lumière nocturne, de 0 à 255</translation>
        </message>
        <message>
            <source>people per km², 255 at most</source>
            <translation>habitants par km², 255 au plus</translation>
        </message>
        <message>
            <source>climate zone</source>
            <translation>zone climatique</translation>
        </message>
        <message>
            <source>water</source>
            <translation>eau</translation>
        </message>
        <message>
            <source>evergreen needleleaf forest</source>
            <translation>forêt sempervirente de conifères</translation>
        </message>
        <message>
            <source>evergreen broadleaf forest</source>
            <translation>forêt sempervirente de feuillus</translation>
        </message>
        <message>
            <source>deciduous needleleaf forest</source>
            <translation>forêt décidue de conifères</translation>
        </message>
        <message>
            <source>deciduous broadleaf forest</source>
            <translation>forêt décidue de feuillus</translation>
        </message>
        <message>
            <source>mixed forest</source>
            <translation>forêt mixte</translation>
        </message>
        <message>
            <source>closed shrubland</source>
            <translation>fourré dense</translation>
        </message>
        <message>
            <source>open shrubland</source>
            <translation>fourré clairsemé</translation>
        </message>
        <message>
            <source>woody savanna</source>
            <translation>savane boisée</translation>
        </message>
        <message>
            <source>savanna</source>
            <translation>savane</translation>
        </message>
        <message>
            <source>grassland</source>
            <translation>prairie</translation>
        </message>
        <message>
            <source>wetland</source>
            <translation>zone humide</translation>
        </message>
        <message>
            <source>cropland</source>
            <translation>cultures</translation>
        </message>
        <message>
            <source>irrigated cropland</source>
            <translation>cultures irriguées</translation>
        </message>
        <message>
            <source>town</source>
            <translation>ville</translation>
        </message>
        <message>
            <source>cropland mixed with wild plants</source>
            <translation>cultures mêlées de végétation naturelle</translation>
        </message>
        <message>
            <source>snow and ice</source>
            <translation>neige et glace</translation>
        </message>
        <message>
            <source>barren land</source>
            <translation>sol nu</translation>
        </message>
        <message>
            <source>tropical rainforest climate</source>
            <translation>climat de forêt tropicale humide</translation>
        </message>
        <message>
            <source>tropical monsoon climate</source>
            <translation>climat tropical de mousson</translation>
        </message>
        <message>
            <source>tropical savanna climate with a dry summer</source>
            <translation>climat de savane tropicale à été sec</translation>
        </message>
        <message>
            <source>tropical savanna climate</source>
            <translation>climat de savane tropicale</translation>
        </message>
        <message>
            <source>hot steppe climate</source>
            <translation>climat de steppe chaude</translation>
        </message>
        <message>
            <source>cold steppe climate</source>
            <translation>climat de steppe froide</translation>
        </message>
        <message>
            <source>hot desert climate</source>
            <translation>climat de désert chaud</translation>
        </message>
        <message>
            <source>cold desert climate</source>
            <translation>climat de désert froid</translation>
        </message>
        <message>
            <source>humid climate with mild winters and hot summers</source>
            <translation>climat humide à hiver doux et été chaud</translation>
        </message>
        <message>
            <source>oceanic climate</source>
            <translation>climat océanique</translation>
        </message>
        <message>
            <source>oceanic climate with cool summers</source>
            <translation>climat océanique à été frais</translation>
        </message>
        <message>
            <source>Mediterranean climate with hot summers</source>
            <translation>climat méditerranéen à été chaud</translation>
        </message>
        <message>
            <source>Mediterranean climate with warm summers</source>
            <translation>climat méditerranéen à été tempéré</translation>
        </message>
        <message>
            <source>Mediterranean climate with cool summers</source>
            <translation>climat méditerranéen à été frais</translation>
        </message>
        <message>
            <source>mild climate with dry winters and hot summers</source>
            <translation>climat doux à hiver sec et été chaud</translation>
        </message>
        <message>
            <source>mild climate with dry winters and warm summers</source>
            <translation>climat doux à hiver sec et été tempéré</translation>
        </message>
        <message>
            <source>mild climate with dry winters and cool summers</source>
            <translation>climat doux à hiver sec et été frais</translation>
        </message>
        <message>
            <source>humid continental climate with hot summers</source>
            <translation>climat continental humide à été chaud</translation>
        </message>
        <message>
            <source>humid continental climate with warm summers</source>
            <translation>climat continental humide à été tempéré</translation>
        </message>
        <message>
            <source>subarctic climate</source>
            <translation>climat subarctique</translation>
        </message>
        <message>
            <source>subarctic climate with severe winters</source>
            <translation>climat subarctique à hiver très rude</translation>
        </message>
        <message>
            <source>continental climate with hot dry summers</source>
            <translation>climat continental à été chaud et sec</translation>
        </message>
        <message>
            <source>continental climate with warm dry summers</source>
            <translation>climat continental à été tempéré et sec</translation>
        </message>
        <message>
            <source>subarctic climate with dry summers</source>
            <translation>climat subarctique à été sec</translation>
        </message>
        <message>
            <source>subarctic climate with dry summers and severe winters</source>
            <translation>climat subarctique à été sec et hiver très rude</translation>
        </message>
        <message>
            <source>continental climate with dry winters and hot summers</source>
            <translation>climat continental à hiver sec et été chaud</translation>
        </message>
        <message>
            <source>continental climate with dry winters and warm summers</source>
            <translation>climat continental à hiver sec et été tempéré</translation>
        </message>
        <message>
            <source>subarctic climate with dry winters</source>
            <translation>climat subarctique à hiver sec</translation>
        </message>
        <message>
            <source>subarctic climate with dry and severe winters</source>
            <translation>climat subarctique à hiver sec et très rude</translation>
        </message>
        <message>
            <source>ice climate</source>
            <translation>climat de calotte glaciaire</translation>
        </message>
        <message>
            <source>tundra climate</source>
            <translation>climat de toundra</translation>
        </message>
        <message>
            <source>right at {share} % of places</source>
            <translation>juste pour {share} % des lieux</translation>
        </message>
        <message>
            <source>SatCLIP location embeddings</source>
            <translation>Plongements de lieux SatCLIP</translation>
        </message>
        <message>
            <source>Model weights: {licence}</source>
            <translation>Poids du modèle : {licence}</translation>
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
            <translation>E</translation>
        </message>
        <message>
            <source>W</source>
            <translation>O</translation>
        </message>
        <message>
            <source>install the package {module} for the Python of QGIS</source>
            <translation>installez le paquet {module} pour le Python de QGIS</translation>
        </message>
        <message>
            <source>name of the array field</source>
            <translation>nom du champ tableau</translation>
        </message>
        <message>
            <source>extent</source>
            <translation>emprise</translation>
        </message>
        <message>
            <source>CRS of the extent</source>
            <translation>SCR de l'emprise</translation>
        </message>
        <message>
            <source>centroids</source>
            <translation>centroïdes</translation>
        </message>
        <message>
            <source>creation options</source>
            <translation>options de création</translation>
        </message>
        <message>
            <source>CRS of the layer</source>
            <translation>SCR de la couche</translation>
        </message>
        <message>
            <source>device</source>
            <translation>périphérique</translation>
        </message>
        <message>
            <source>encoding of the layer</source>
            <translation>encodage de la couche</translation>
        </message>
        <message>
            <source>field of latitudes</source>
            <translation>champ des latitudes</translation>
        </message>
        <message>
            <source>its name</source>
            <translation>son nom</translation>
        </message>
        <message>
            <source>field of longitudes</source>
            <translation>champ des longitudes</translation>
        </message>
        <message>
            <source>Method for numbers</source>
            <translation>Méthode pour les nombres</translation>
        </message>
        <message>
            <source>No data value</source>
            <translation>Valeur nulle (nodata)</translation>
        </message>
        <message>
            <source>overwriting</source>
            <translation>écrasement</translation>
        </message>
        <message>
            <source>quoting of the table</source>
            <translation>guillemets de la table</translation>
        </message>
        <message>
            <source>resolution</source>
            <translation>résolution</translation>
        </message>
        <message>
            <source>the demand for a place in every row</source>
            <translation>l'exigence d'un lieu à chaque ligne</translation>
        </message>
        <message>
            <source>view (move the map)</source>
            <translation>vue (déplacez la carte)</translation>
        </message>
        <message>
            <source>[{value}] after its numbers</source>
            <translation>[{value}] après ses nombres</translation>
        </message>
        <message>
            <source>the command line of SatCLIP</source>
            <translation>la ligne de commande de SatCLIP</translation>
        </message>
        <message>
            <source>leaving the words empty</source>
            <translation>laissez les mots vides</translation>
        </message>
        <message>
            <source>fetch it under SatCLIP &gt; Models</source>
            <translation>téléchargez-le sous SatCLIP &gt; Modèles</translation>
        </message>
        <message>
            <source>fetch it again under SatCLIP &gt; Models</source>
            <translation>téléchargez-le à nouveau sous SatCLIP &gt; Modèles</translation>
        </message>
    </context>
</TS>
