"""Every system of the series as a paper's table of choices, a module a family; the table of all of them is here.

A new system is a model file, perhaps a term, and one function. Relatives repeat each other's arguments: what a command
line or a notebook may set is read from the signature, and a reader sees a system whole.
"""

from __future__ import annotations

from collections.abc import Callable

from t2i_utils.recipe import Recipe
from t2i_utils.recipes.conditioning_family import ca_gan
from t2i_utils.recipes.df_gan_family import df_gan
from t2i_utils.recipes.gan_family import dcgan_cls, gan, gan_cls, gan_int, gan_int_cls, vanilla_gan
from t2i_utils.recipes.modern_family import gan_cls_modern
from t2i_utils.recipes.wgan_family import (
    fashion_wgan_gp,
    unconditional_wgan,
    unconditional_wgan_gp,
    wgan,
    wgan_cls,
    wgan_gp,
)

SYSTEMS: dict[str, Callable[..., Recipe]] = {
    "vanilla_gan": vanilla_gan,
    "gan": gan,
    "gan_cls": gan_cls,
    "gan_int": gan_int,
    "gan_int_cls": gan_int_cls,
    "dcgan_cls": dcgan_cls,
    "gan_cls_modern": gan_cls_modern,
    "unconditional_wgan": unconditional_wgan,
    "wgan": wgan,
    "unconditional_wgan_gp": unconditional_wgan_gp,
    "wgan_gp": wgan_gp,
    "fashion_wgan_gp": fashion_wgan_gp,
    "wgan_cls": wgan_cls,
    "ca_gan": ca_gan,
    "df_gan": df_gan,
}
