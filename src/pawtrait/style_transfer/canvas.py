"""A photo at one size, and how pixels become tensors and pictures again."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pawtrait.dataset import images
from pawtrait.dataset.images import Pixels
from pawtrait.style_transfer.features import LEAST

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class Canvas:
    """What is painted on: tensors of one size, RGB or, where colours are kept, brightness alone.

    A side under ``LEAST`` is lengthened by its last row or column and cut again when a picture is taken, so a
    strip of 256×3 px or a photo of 8 px can be painted without being stretched.

    Attributes:
        size: height and width of the picture.
        original: the photo, uint8 (height, width, 3).
        photo: the same as a tensor, float32 (1, 3 or 1, H, W) in 0..1.
    """

    def __init__(self, photo: Pixels, keep_colours: bool, device: torch.device) -> None:
        self.size: tuple[int, int] = (photo.shape[0], photo.shape[1])
        self.original, self.keep_colours, self.device = photo, keep_colours, device
        self.photo = self.lay(photo)

    def lay(self, picture: Pixels) -> Tensor:
        """Bring any uint8 (h, w, 3) onto the canvas, float32 (1, 3 or 1, H, W) in 0..1."""
        tensor = to_tensor(images.stretch(picture, *self.size), self.device)
        return self._lengthen(luma(tensor) if self.keep_colours else tensor)

    def grow(self, pixels: Tensor, before: "Canvas") -> Tensor:
        """What was painted on a smaller canvas, enlarged, with the photo's detail that was lost there."""
        height, width = before.size
        change = F.interpolate((pixels - before.photo)[..., :height, :width], self.size, mode="bilinear")
        return (self.photo + self._lengthen(change)).clamp(0, 1)

    def picture(self, pixels: Tensor) -> Pixels:
        """Take what is on the canvas, uint8 (height, width, 3); kept colours lie under the new brightness."""
        height, width = self.size
        cut = pixels[..., :height, :width]
        if self.keep_colours:  # YCbCr with the photo's Cb and Cr: all three channels rise with Y
            photo = to_tensor(self.original, self.device)
            cut = photo + cut - luma(photo)
        return to_picture(cut)

    def style(self, painting: Pixels) -> Tensor:
        """A painting as large as the photo, float32 (1, 3 or 1, h, w), its own aspect.

        Where colours are kept its brightness gets the photo's mean and spread (Gatys et al. 2016, "Preserving
        color in neural artistic style transfer", section 5).
        """
        own = Canvas(images.fit(painting, max(*self.size, LEAST)), self.keep_colours, self.device).photo
        if not self.keep_colours:
            return own
        spread, mean = torch.std_mean(own)
        wanted, centre = torch.std_mean(self.photo)
        return (own - mean) * (wanted / spread.clamp(min=1e-3)) + centre

    def _lengthen(self, tensor: Tensor) -> Tensor:
        height, width = self.size
        return F.pad(tensor, (0, max(LEAST - width, 0), 0, max(LEAST - height, 0)), mode="replicate")


def luma(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) → its brightness, (B, 1, H, W)."""
    return (rgb * torch.tensor(_LUMA, device=rgb.device).view(1, 3, 1, 1)).sum(1, keepdim=True)


def to_tensor(picture: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """uint8 (H, W, 3) → float32 (1, 3, H, W) in 0..1, contiguous."""
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
    return torch.from_numpy(planes).to(device)[None].float() / 255


def to_picture(pixels: Tensor) -> Pixels:
    """float32 (1, 3, H, W) → uint8 (H, W, 3), cut to 0..1 and rounded."""
    rounded = (pixels[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(rounded.permute(1, 2, 0).cpu().numpy())
