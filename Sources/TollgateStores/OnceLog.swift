package import Logging
import Synchronization

/// Logs each warning once, for faults that are met repeatedly, such as a malformed key in every list.
///
/// It remembers a thousand warnings and then starts over. It can be used from any thread.
package final class OnceLog: Sendable {
    private static let maxRemembered = 1_000

    private let logger: Logger
    private let logged = Mutex<Set<String>>([])

    package init(_ logger: Logger) {
        self.logger = logger
    }

    package func warn(_ sentence: String) {
        let isNew = logged.withLock { logged in
            if logged.count >= Self.maxRemembered { logged.removeAll() }
            return logged.insert(sentence).inserted
        }
        if isNew { logger.warning("\(sentence)") }
    }
}
