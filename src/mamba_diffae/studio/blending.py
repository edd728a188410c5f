"""The slider between the model's mean and kriging, which the browser follows by itself."""

from __future__ import annotations

from typing import Any

import panel as pn

from mamba_diffae.studio.figures import FieldMap


def blending(shown: FieldMap) -> Any:
    """A slider below a map that says how opaque its upper layer is.

    Args:
        shown: It is laid out there.

    Returns:
        The slider.
    """
    blend = pn.widgets.FloatSlider(
        label="Share of kriging",
        start=0,
        end=1,
        step=0.01,
        value=0.5,
        sizing_mode="stretch_width",
        margin=(4, 0, 0, 0),
        show_value=False,
    )
    shown.over.alpha = blend.value
    drawn = {name: shown.over.glyph(name).glyph for name in ("values", "own")}
    follow = "values.global_alpha = own.global_alpha = cb_obj.value"
    blend.jscallback(args=drawn, value=follow)
    ends = '<div class="ends"><span>mean</span><span>kriging</span></div>'
    shown.view.extend([blend, pn.pane.HTML(ends, margin=0, sizing_mode="stretch_width")])
    return blend
