import Logging
import Synchronization

/// Logs, once in the life of a sidecar, that Redis denies it functions, whichever of its connections finds out.
///
/// Usable from any thread.
final class FunctionRights: Sendable {
    private let logger: Logger
    private let isLogged = Atomic(false)

    init(logger: Logger) {
        self.logger = logger
    }

    /// Redis has answered a call or a loading with this sentence.
    func wereDenied(_ sentence: String) {
        guard !isLogged.exchange(true, ordering: .relaxed) else { return }
        logger.warning(
            "Redis denies functions (FCALL, FUNCTION LOAD): scripts are called instead (EVALSHA), which is slower",
            metadata: ["reason": "\(sentence)"])
    }
}
