/// The errors of files that settings name: thrown, or collected for a report of everything that is wrong.
struct SettingsFaults {
    /// An error, and the option that names the file.
    struct Fault {
        var option: String
        var sentence: String
    }

    let areCollected: Bool
    private(set) var found: [Fault] = []

    init(areCollected: Bool) {
        self.areCollected = areCollected
    }

    /// Returns the value of a file. Nil if its error is collected.
    mutating func collecting<Value>(_ option: String, _ read: () async throws -> Value?) async throws -> Value? {
        do {
            return try await read()
        } catch  where areCollected {
            found.append(Fault(option: option, sentence: "\(error)"))
            return nil
        }
    }
}
