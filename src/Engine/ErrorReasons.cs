namespace Gradients.Engine;

/// <summary>The reasons that travel in <c>google.rpc.ErrorInfo.reason</c>; the contract's <c>errors.proto</c> documents each.</summary>
public static class ErrorReasons
{
    public const string ShapeMismatch = "SHAPE_MISMATCH";
    public const string DataTypeMismatch = "DATA_TYPE_MISMATCH";
    public const string GraphCycle = "GRAPH_CYCLE";
    public const string ContentSizeMismatch = "CONTENT_SIZE_MISMATCH";
    public const string UnknownAttribute = "UNKNOWN_ATTRIBUTE";
    public const string InvalidAttribute = "INVALID_ATTRIBUTE";
    public const string InvalidField = "INVALID_FIELD";
    public const string InputCount = "INPUT_COUNT_MISMATCH";
    public const string ChunkOutOfOrder = "CHUNK_OUT_OF_ORDER";
    public const string MalformedMessage = "MALFORMED_MESSAGE";
    public const string NodeExists = "NODE_EXISTS";
    public const string FunctionExists = "FUNCTION_EXISTS";
    public const string ValueNotFound = "VALUE_NOT_FOUND";
    public const string FeedMissing = "FEED_MISSING";
    public const string IndexOutOfRange = "INDEX_OUT_OF_RANGE";
    public const string SessionNotFound = "SESSION_NOT_FOUND";
    public const string SessionExpired = "SESSION_EXPIRED";
    public const string SessionLost = "SESSION_LOST";
    public const string RunNotFound = "RUN_NOT_FOUND";
    public const string TensorNotFound = "TENSOR_NOT_FOUND";
    public const string GraphNotFound = "GRAPH_NOT_FOUND";
    public const string RequestIdReused = "REQUEST_ID_REUSED";
    public const string RequestIdExpired = "REQUEST_ID_EXPIRED";
    public const string RunReleased = "RUN_RELEASED";
    public const string CotangentRequired = "COTANGENT_REQUIRED";
    public const string GradientsDisabled = "GRADIENTS_DISABLED";
    public const string NotDifferentiableType = "NOT_DIFFERENTIABLE_TYPE";
    public const string NonFiniteValue = "NON_FINITE_VALUE";
    public const string VariableNotSet = "VARIABLE_NOT_SET";
    public const string GradientAbsent = "GRADIENT_ABSENT";
    public const string SessionBusy = "SESSION_BUSY";
    public const string StreamReplaced = "STREAM_REPLACED";
    public const string VersionConflict = "VERSION_CONFLICT";
    public const string MemoryBudgetExceeded = "MEMORY_BUDGET_EXCEEDED";
    public const string SessionQuota = "SESSION_QUOTA";
    public const string ComputeQuota = "COMPUTE_QUOTA";
    public const string MessageTooLarge = "MESSAGE_TOO_LARGE";
    public const string OpUnsupported = "OP_UNSUPPORTED";
    public const string OpNotDifferentiable = "OP_NOT_DIFFERENTIABLE";
    public const string DynamicShape = "DYNAMIC_SHAPE";
    public const string RpcUnimplemented = "RPC_UNIMPLEMENTED";
    public const string Draining = "DRAINING";
    public const string DeadlineExceeded = "DEADLINE_EXCEEDED";
    public const string Cancelled = "CANCELLED";
    public const string UploadTimeout = "UPLOAD_TIMEOUT";
}
