/// What a Redis has to fulfil to be used, beside its version: commands that are sent on every new connection, and what their replies
/// mean.
package struct RedisRequirement: Sendable {
    let commands: [[String]]
    /// Why Redis cannot be used, from the replies in order; nil where it can.
    let fault: @Sendable ([RedisReply]) -> String?

    /// - Parameter fault: returns a sentence, or nil where Redis can be used. Called on the event loop of the link.
    package init(commands: [[String]], fault: @escaping @Sendable ([RedisReply]) -> String?) {
        self.commands = commands
        self.fault = fault
    }
}
