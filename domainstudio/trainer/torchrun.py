"""`python -m domainstudio.trainer.torchrun …`: torchrun as it is, only imported faster."""

import sys

from domainstudio.jobs.heavy_imports import heavy_imports

if __name__ == "__main__":
    with heavy_imports():
        from torch.distributed.run import main
    sys.exit(main())
