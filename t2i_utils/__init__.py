"""Text-to-image GANs that people can run, read and trust: the package behind the numbered notebooks.

Importing this package does nothing but state its version: no downloads, no seeds, no devices.
"""

__version__ = "0.1.0"
