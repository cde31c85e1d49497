//! What the engine once got wrong.
