import Testing

@testable import TollgateServer

@Suite struct OpenFilesLimitTests {
    @Test(
        "the reserve beside clients holds for every limit, and is half of a low one",
        arguments: [(1_024, 4, 688), (20_000, 3, 19_668), (256, 4, 128), (20, 4, 10), (1, 4, 1)])
    func connections(limit: Int, eventLoops: Int, expected: Int) {
        #expect(OpenFiles.connections(below: limit, eventLoops: eventLoops) == expected)
    }

    @Test(
        "the admin API's connections leave a fifth of the reserve to Redis and files",
        arguments: [(20_000, 256), (640, 256), (256, 102), (64, 25), (4, 4)])
    func adminConnections(limit: Int, expected: Int) {
        #expect(OpenFiles.adminConnections(below: limit) == expected)
    }
}
