import Foundation

/// Errors on standard error.
enum Failure {
    static func print(_ sentence: String) {
        FileHandle.standardError.write(Data("\(sentence)\n".utf8))
    }
}
