"""The recipe of a classifier on radiomic features."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tumorscope.core.errors import BadRecipe

ModelName = Literal["logistic_regression", "random_forest", "gradient_boosting", "svm"]


class FeaturesRecipe(BaseModel):
    """Classification of tumor types from IBSI features: masks and models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["features"] = Field(default="features", description="distinguishes it from a network's recipe")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    dataset: Literal["figshare"]
    masks: Literal["true", "predicted"] = Field(
        default="true", description="the masks to measure: published or predicted"
    )
    bins: int = Field(default=32, ge=2, le=256, description="gray levels of the texture")
    models: tuple[ModelName, ...] = Field(
        default=("logistic_regression", "random_forest", "gradient_boosting", "svm"), min_length=1
    )
    permutations: int = Field(default=5, ge=1, description="number of shuffles of each feature for its importance")
    seed: int = 0

    @field_validator("masks", mode="before")
    @classmethod
    def _yaml_true(cls, value: Any) -> Any:
        return "true" if value is True else value  # YAML reads an unquoted true as a boolean


def parse_features_recipe(content: dict[str, Any], origin: str = "recipe") -> FeaturesRecipe:
    """Check a recipe's content.

    Raises:
        BadRecipe: a key or value that is not allowed.
    """
    try:
        return FeaturesRecipe.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        path = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = ", ".join(sorted(FeaturesRecipe.model_fields))
            raise BadRecipe(f"{origin}: unknown key {path!r}; there are {known}") from error
        raise BadRecipe(f"{origin}: {path}: {fault['msg'][0].lower()}{fault['msg'][1:]}") from error
