"""The methods of explanation, known without loading Keras."""

METHODS = {"grad_cam": "Grad-CAM", "integrated_gradients": "Integrated gradients"}
"""For people, by the names in tables and figures."""
