# Models.
# One stream, one person.
from .alignment import (
    AlignmentConfig,
    CovarianceAligner,
    MixedAligner,
    MomentAligner,
    RowAligner,
    build_alignment,
)
from .bundle.bundle import Bundle, load_bundle, save_bundle
from .bundle.checkpoint import import_checkpoint
from .calibration.decoder import EmotionDecoder
from .calibration.personal_decoder import PersonalDecoder
from .calibration.profile import Profile, load_profile, save_profile
from .calibration.training import train_personal_decoder
from .calibration.trials import LabelledFeatures
from .datasets import list_datasets, open_dataset

# Recordings and what is made of them.
from .encoder_features import EncoderFeatures
from .evaluation.lds import LdsFilter, lds_filter, lds_smooth
from .evaluation.running_norm import RunningNorm, running_norm
from .features import FeatureTable, extract_features, prepare_windows
from .network.encoder import Encoder, EncoderOutput, RowStats
from .network.losses import cda_loss, isa_loss, supervised_contrastive_loss
from .recordings import Recording, read_recording, write_recording_edf

# Signal.
from .signal.filters import average_reference, filter_recording, filter_window
from .signal.montage import STANDARD_CHANNELS, map_montage, montage_matrix
from .signal.quality import electrode_quality
from .signal.scaling import FixedScale, RunningScale, robust_scale, robust_zscore
from .signal.window import Preprocessor
from .store.store import Store, open_store

__all__ = [
    "STANDARD_CHANNELS",
    "AlignmentConfig",
    "Bundle",
    "CovarianceAligner",
    "EmotionDecoder",
    "Encoder",
    "EncoderFeatures",
    "EncoderOutput",
    "FeatureTable",
    "FixedScale",
    "LabelledFeatures",
    "LdsFilter",
    "MixedAligner",
    "MomentAligner",
    "PersonalDecoder",
    "Preprocessor",
    "Profile",
    "Recording",
    "RowAligner",
    "RowStats",
    "RunningNorm",
    "RunningScale",
    "Store",
    "average_reference",
    "build_alignment",
    "cda_loss",
    "electrode_quality",
    "extract_features",
    "filter_recording",
    "filter_window",
    "import_checkpoint",
    "isa_loss",
    "lds_filter",
    "lds_smooth",
    "list_datasets",
    "load_bundle",
    "load_profile",
    "map_montage",
    "montage_matrix",
    "open_dataset",
    "open_store",
    "prepare_windows",
    "read_recording",
    "robust_scale",
    "robust_zscore",
    "running_norm",
    "save_bundle",
    "save_profile",
    "supervised_contrastive_loss",
    "train_personal_decoder",
    "write_recording_edf",
]
