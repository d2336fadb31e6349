"""A tuned model → a private repository on the hub, for those who ask for it."""

from pathlib import Path

from cvseeker.core.errors import ModelError

# The stage's own record names files of the machine it was made on.
LEFT_OUT = ["manifest.json"]


def publish_model(folder: Path, repository: str) -> str:
    """Upload a model's folder to the hub, with the token of the environment.

    Parameters
    ----------
    folder
        A tuned model, as it was saved.
    repository
        ``name/of-the-model``; made private where it does not exist.

    Returns
    -------
    str
        Its address.

    Raises
    ------
    ModelError
        If the repository is public, or the hub cannot be reached or refuses. The model on this
        machine stays as it is.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    hub = HfApi()
    try:
        address = hub.create_repo(repository, private=True, exist_ok=True)
        if not hub.repo_info(repository).private:
            raise ModelError(
                f"{repository}: this repository is public, and a model can give away the résumés "
                "it was trained on; make it private, or name another one: --push-to-hub NAME/MODEL"
            )
        hub.upload_folder(
            repo_id=repository,
            folder_path=str(folder),
            ignore_patterns=LEFT_OUT,
            commit_message="Model fine-tuned by CVSeeker",
        )
    except (OSError, HFValidationError) as error:  # the hub's errors are OSErrors
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{repository}: cannot upload the model ({reason}); it is saved in {folder}; set "
            "HF_TOKEN to a token that may write, and run the same command again"
        ) from error
    return str(address)
