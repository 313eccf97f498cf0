import Foundation

/// Room kept free on the journal's disk, as a file beside its own: letting go of what has been replayed takes some too, and
/// on a full disk what waits would never end. Given back when the disk is full, taken again when nothing waits. Used on the
/// journal's queue.
struct JournalSpare {
    /// More than the write-ahead log takes between two checkpoints (``JournalFile``), and what a deletion adds to it.
    static let size = 256 * 1_024

    private let path: String

    init(besideJournal path: String) {
        self.path = path + ".spare"
    }

    /// Does nothing where it is there already, or where there is no room for it.
    func take() {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if posix_fallocate(descriptor, 0, off_t(Self.size)) != 0 { unlink(path) }
    }

    /// Returns whether there was anything to give back.
    func giveBack() -> Bool { unlink(path) == 0 }
}
