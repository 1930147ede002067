"""CycleGAN (Zhu et al. 2017): from two unpaired domains to a painter of photos, and back."""
