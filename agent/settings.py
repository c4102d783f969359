"""Every knob, in one frozen class. Read by the two app.py files and by the command, nowhere else."""

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from skills import DEFAULT_BACKBONE, Device, Precision

TRAINING_GIB = 4.0


class Settings(BaseSettings):
    """From environment variables `FROSTDESK_*`, `DATABASE_URL` and `REDIS_URL`."""

    model_config = SettingsConfigDict(env_prefix="FROSTDESK_", frozen=True, populate_by_name=True)

    data: Path = Field(Path(".frostdesk"), description="Folder of the embedded database, caches and the admin key")
    database_url: str = Field("", validation_alias=AliasChoices("database_url", "DATABASE_URL"))
    redis_url: str = Field("redis://127.0.0.1:6379/0", validation_alias=AliasChoices("redis_url", "REDIS_URL"))
    host: str = "127.0.0.1"
    port: int = 8710
    public_url: str = Field("", description="Address that visitors use, when a proxy stands in front")
    backbone: str = DEFAULT_BACKBONE
    precision: Precision = "auto"
    device: Device = Field("cpu", description="cuda: read and train on the GPU")
    threads: int = Field(16, ge=1, le=200, description="Requests that work at once")
    waiting: int = Field(112, ge=0, le=10_000, description="Requests that wait for those; beyond it 429")
    torch_threads: int = Field(0, ge=0, description="0: let torch decide")
    training_gib: float = Field(TRAINING_GIB, gt=0, description="Memory that one retraining may take, in GiB")
    poll_seconds: float = Field(5.0, gt=0, description="How often a process looks for changes without a hint")
    token_minutes: int = Field(60, ge=1, description="Life of a visitor's token")
    visitor_per_minute: int = Field(30, ge=1, description="Messages a visitor may send in a minute")
    address_per_minute: int = Field(300, ge=1, description="Chat requests from one address in a minute")
    private_deliveries: bool = Field(False, description="Allow deliveries to loopback and private addresses")
    log_json: bool = False

    @property
    def base_url(self) -> str:
        """Return the address of this installation, whatever a request says: the public one, or where it listens."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def database(self) -> str:
        """Return the database's URL: the one given, or the embedded SQLite file."""
        return self.database_url or f"sqlite:///{(self.data / 'frostdesk.db').absolute()}"
