"""The dyes of the usual stain.

Absorption of red, green and blue, of length 1 but for rounding, by Ruifrok and Johnston,
"Quantification of histochemical staining by color deconvolution" (Analytical and Quantitative
Cytology and Histology 23, 2001).
"""

HAEMATOXYLIN = (0.65, 0.70, 0.29)
"""Blue: nuclei."""
EOSIN = (0.07, 0.99, 0.11)
"""Pink: cytoplasm and collagen."""
