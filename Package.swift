// swift-tools-version: 6.1

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "tollgate",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "tollgate", targets: ["tollgate"]),
        .library(name: "TollgateClient", targets: ["TollgateClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.0"),
    ],
    targets: [
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
        .executableTarget(name: "embed-text", swiftSettings: strict),
        .plugin(name: "EmbedText", capability: .buildTool(), dependencies: ["embed-text"]),
        .target(
            name: "LuaScripts",
            path: "lua",
            swiftSettings: strict,
            plugins: ["EmbedText"]
        ),
        .target(
            name: "TollgateCore",
            swiftSettings: strict
        ),
        .target(
            name: "TollgatePolicy",
            dependencies: ["TollgateCore", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateWire",
            dependencies: ["TollgateCore", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateRedis",
            dependencies: [
                "CHiredis",
                "TollgateCore",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateLedger",
            dependencies: [
                "LuaScripts",
                "TollgateCore",
                "TollgatePolicy",
                "TollgateRedis",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateStores",
            dependencies: [
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateRedis",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateServer",
            dependencies: [
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateRedis",
                "TollgateStores",
                "TollgateWire",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateDelivery",
            dependencies: [
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateStores",
                "TollgateRedis",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateProviders",
            dependencies: [
                "TollgateCore",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateAccounts",
            dependencies: [
                "TollgateCore",
                "TollgatePolicy",
                "TollgateProviders",
                "TollgateStores",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateAdmin",
            dependencies: [
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateStores",
                "TollgateServer",
                "TollgateWire",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            resources: [.embedInCode("openapi.yaml")],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateDashboard",
            dependencies: [
                "TollgateAdmin",
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateStores",
                "TollgateServer",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
            ],
            swiftSettings: strict,
            plugins: ["EmbedText"]
        ),
        .target(
            name: "TollgateClient",
            dependencies: [
                "TollgateCore",
                "TollgateWire",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TollgateBench",
            dependencies: [
                "TollgateClient",
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateRedis",
                "TollgateWire",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "tollgate",
            dependencies: [
                "TollgateAccounts",
                "TollgateAdmin",
                "TollgateBench",
                "TollgateClient",
                "TollgateCore",
                "TollgateDashboard",
                "TollgateDelivery",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateStores",
                "TollgateRedis",
                "TollgateServer",
                "TollgateWire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "ToolExecutor", dependencies: ["TollgateClient"], path: "Examples/ToolExecutor",
            swiftSettings: strict),
        .target(
            name: "TollgateTestSupport",
            dependencies: [
                "TollgateRedis",
                "TollgateStores",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/Support",
            swiftSettings: strict
        ),
        .target(
            name: "ProviderFake",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Tests/ProviderFake",
            swiftSettings: strict
        ),
        .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
        .target(
            name: "AllocationMeasurement",
            dependencies: [
                "CAllocationCount",
                "TollgateCore",
                "TollgateLedger",
                "TollgateRedis",
                "TollgateServer",
                "TollgateTestSupport",
                "TollgateWire",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/AllocationMeasurement",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "allocation-check",
            dependencies: ["AllocationMeasurement", "TollgateTestSupport"],
            path: "Tests/AllocationCheck",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "lua-library", dependencies: ["LuaScripts"], path: "Tests/LuaLibrary", swiftSettings: strict),
        .testTarget(name: "LuaScriptsTests", dependencies: ["LuaScripts"], swiftSettings: strict),
        .testTarget(
            name: "TollgateCoreTests", dependencies: ["TollgateCore", "TollgateTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TollgatePolicyTests", dependencies: ["TollgatePolicy", "TollgateTestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TollgateWireTests",
            dependencies: [
                "AllocationMeasurement", "TollgateWire", "TollgateTestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateRedisTests",
            dependencies: [
                "TollgateCore",
                "TollgateRedis",
                "TollgateTestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateLedgerTests",
            dependencies: [
                "TollgateLedger",
                "TollgateStores",
                "TollgateTestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateStoresTests",
            dependencies: [
                "TollgateStores",
                "TollgateTestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateAdminTests",
            dependencies: [
                "ProviderFake",
                "TollgateAccounts",
                "TollgateAdmin",
                "TollgateClient",
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateProviders",
                "TollgateStores",
                "TollgateServer",
                "TollgateTestSupport",
                "TollgateWire",
                "tollgate",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateDashboardTests",
            dependencies: [
                "TollgateAdmin",
                "TollgateCore",
                "TollgateDashboard",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateStores",
                "TollgateServer",
                "TollgateTestSupport",
                "tollgate",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            exclude: ["Browser"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateDeliveryTests",
            dependencies: [
                "TollgateCore",
                "TollgateDelivery",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateStores",
                "TollgateRedis",
                "TollgateTestSupport",
                "tollgate",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateAccountsTests",
            dependencies: [
                "ProviderFake",
                "TollgateAccounts",
                "TollgateCore",
                "TollgateLedger",
                "TollgatePolicy",
                "TollgateProviders",
                "TollgateStores",
                "TollgateTestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateProvidersTests",
            dependencies: [
                "ProviderFake",
                "TollgateCore",
                "TollgateProviders",
                "TollgateTestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateServerTests",
            dependencies: [
                "AllocationMeasurement",
                "TollgateClient",
                "TollgatePolicy",
                "TollgateServer",
                "TollgateTestSupport",
                "tollgate",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateBenchTests",
            dependencies: [
                "TollgateBench", "TollgateClient", "TollgateCore", "TollgateLedger", "TollgatePolicy", "TollgateRedis",
                "TollgateTestSupport",
                "tollgate",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateCommandTests",
            dependencies: [
                "TollgateAdmin", "TollgateClient", "TollgateCore", "TollgateServer", "TollgateTestSupport",
                "ToolExecutor", "tollgate",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateClientTests",
            dependencies: [
                "TollgateClient",
                "TollgateTestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TollgateFaultTests",
            dependencies: [
                "TollgateCore",
                "TollgateRedis",
                "TollgateTestSupport",
                "tollgate",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
    ]
)
