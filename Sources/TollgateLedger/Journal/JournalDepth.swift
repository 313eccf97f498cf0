extension Journal {
    /// How much waits, and how the journal fares.
    package struct Depth: Sendable, Equatable {
        /// Waiting, on disk or on their way there.
        package var operations = 0
        /// Waiting, on disk or on their way there.
        package var records = 0
        /// Rejected in the file's life, also those that are kept no longer.
        package var rejected = 0
        /// How often the file was made anew because it had been taken away.
        package var remade = 0
        /// Why the file could not be used; nil once something has been written again.
        package var lastError: String?
    }
}
