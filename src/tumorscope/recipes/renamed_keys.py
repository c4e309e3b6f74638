"""Keys of recipes that version 0.2 renamed: a recipe that has one is refused with the new name."""

RENAMED_KEYS = {
    "apart": "channels_as_images",
    "flip_average": "tta_flip",
    "context": "adjacent_slices",
    "third_block": "dense_block3_layers",
    "zoom": "scale",
    "shift": "translation",
    "bend": "elastic_deformation",
    "holes": "coarse_dropout",
    "missing_sequence": "modality_dropout",
    "missing_context": "context_dropout",
    "averaging": "ema_decay",
    "small_size": "progressive_resizing.size",
    "small_until": "progressive_resizing.fraction",
    "empty_slices": "negative_ratio",
    "shares": "dataset_fractions",
    "pretrained_rate": "encoder_lr_multiplier",
}
"""Keys of version 0.1 and what they are called now."""
