package import Logging
import Synchronization

/// Warns of each thing once, however often it is met again, as of a key that every list comes across. Remembers a thousand of them,
/// and begins anew after that.
///
/// Usable from any thread.
package final class OnceLog: Sendable {
    private static let maxRemembered = 1_000

    private let logger: Logger
    private let said = Mutex<Set<String>>([])

    package init(_ logger: Logger) {
        self.logger = logger
    }

    package func warn(_ sentence: String) {
        let isNew = said.withLock { said in
            if said.count >= Self.maxRemembered { said.removeAll() }
            return said.insert(sentence).inserted
        }
        if isNew { logger.warning("\(sentence)") }
    }
}
