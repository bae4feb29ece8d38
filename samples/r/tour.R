# What a Gradients server does, from R: JSON over HTTP, and no generated code. Usage: Rscript tour.R HOST:PORT
library(curl)
library(jsonlite)

base <- paste0("http://", commandArgs(trailingOnly = TRUE)[1], "/v1")
chunk_bytes <- 2^19

# One call. A refusal is a condition of class gradients_error with the reason, what it applies to and the fields at fault.
call_text <- function(path, body = NULL, method = "POST") {
  handle <- new_handle(customrequest = method)
  if (!is.null(body)) {
    handle_setopt(handle, postfields = toJSON(body, auto_unbox = TRUE, digits = NA))
    handle_setheaders(handle, "Content-Type" = "application/json")
  }
  response <- curl_fetch_memory(paste0(base, path), handle)
  text <- rawToChar(response$content)
  if (response$status_code != 200) {
    status <- fromJSON(text, simplifyVector = FALSE)
    detail <- function(type) Filter(function(d) endsWith(d[["@type"]], type), status$details)
    info <- detail("google.rpc.ErrorInfo")[[1]]
    fields <- unlist(lapply(detail("google.rpc.BadRequest"), function(d) sapply(d$fieldViolations, `[[`, "field")))
    stop(errorCondition(status$message, class = "gradients_error", reason = info$reason, metadata = info$metadata, fields = fields))
  }
  text
}

call <- function(...) fromJSON(call_text(...), simplifyVector = FALSE)

# The replies of a stream: one JSON object a line; a last line with an error if it fails on the way.
call_stream <- function(...) {
  lines <- strsplit(call_text(...), "\n", fixed = TRUE)[[1]]
  replies <- lapply(lines, fromJSON, simplifyVector = FALSE)
  failed <- Filter(function(r) !is.null(r$error), replies)
  if (length(failed)) stop(failed[[1]]$error$message)
  replies
}

# Elements travel as the bytes of float64 in base64, so that no digit is lost. R's matrices are column-major, the wire is row-major.
bytes <- function(x) writeBin(as.double(if (is.matrix(x)) t(x) else x), raw(), endian = "little")
encode <- function(bytes) gsub("\n", "", base64_enc(bytes), fixed = TRUE)
tensor <- function(x, shape = if (is.matrix(x)) dim(x) else if (length(x) == 1) list() else length(x)) {
  list(dataType = "DATA_TYPE_FLOAT64", shape = as.list(as.character(shape)), raw = encode(bytes(x)))
}
numbers <- function(tensor) decode(base64_dec(tensor$raw))
decode <- function(bytes) readBin(bytes, "double", length(bytes) / 8, endian = "little")

# An input (or variable) of a text; a size of NA is one that comes with the feed.
bind <- function(name, id, shape = c(), variable = FALSE) {
  dimensions <- lapply(shape, function(size) if (is.na(size)) setNames(list(), character()) else list(size = as.character(size)))
  list(name = name, value = id, type = list(dataType = "DATA_TYPE_FLOAT64", dimensions = dimensions), variable = variable)
}
feed <- function(id, tensor) list(node = id, tensor = tensor)

# Ids are the client's choice.
LOSS <- 1; X <- 2; Y <- 3; W <- 4; B <- 5; W1 <- 6; B1 <- 7; W2 <- 8; B2 <- 9; OTHER <- 10

define <- function(session, text, ...) {
  call(paste0("/", session, ":defineNodes"), list(text = list(source = text, bindings = list(...), result = LOSS)))
}
set <- function(session, ids, values) {
  call(paste0("/", session, ":setVariables"), list(updates = Map(function(id, x) list(variable = id, tensor = x), ids, values)))
}
backward <- function(session, feeds, wrt, root = LOSS, ...) {
  call(paste0("/", session, ":backward"), list(feeds = feeds, roots = list(list(value = root)), wrt = as.list(wrt), fetches = list(list(value = root)), ...))
}
loss <- function(session, feeds) {
  numbers(call(paste0("/", session, ":forward"), list(feeds = feeds, fetches = list(list(value = LOSS))))$values[[1]]$tensor)
}

linear_regression <- function(session) {
  define(session, "mean((w*x + b - y)**2)", bind("x", X, 3), bind("y", Y, 3), bind("w", W, variable = TRUE), bind("b", B, variable = TRUE))
  set(session, c(W, B), list(tensor(2), tensor(1)))
  feeds <- list(feed(X, tensor(1:3)), feed(Y, tensor(c(6, 9, 12))))
  for (step in 1:200) {
    reply <- backward(session, feeds, c(W, B), mode = "GRADIENT_MODE_BOTH")
    if (step == 1) {
      gradients <- sapply(reply$gradients, function(g) numbers(g$tensor))
      cat(sprintf("linear regression: loss %.6f, dw %.6f, db %.6f\n", numbers(reply$values[[1]]$tensor), gradients[1], gradients[2]))
    }
    call(paste0("/", session, ":applyGradients"), list(optimizer = list(sgd = list(learningRate = 0.1)), zeroGradients = TRUE))
  }
  read <- call(sprintf("/%s/variables?variables=%d&variables=%d", session, W, B), method = "GET")$variables
  cat(sprintf("after 200 steps: w %.6f, b %.6f\n", numbers(read[[1]]$value), numbers(read[[2]]$value)))
}

# A network learns exclusive or: the loop runs on the server, in slices of two rows.
perceptron <- function(session) {
  define(session, "mean((tanh(x @ w1 + b1) @ w2 + b2 - y)**2)", bind("x", X, c(NA, 2)), bind("y", Y, c(NA, 1)),
         bind("w1", W1, c(2, 4), TRUE), bind("b1", B1, 4, TRUE), bind("w2", W2, c(4, 1), TRUE), bind("b2", B2, 1, TRUE))
  set(session, c(W1, B1, W2, B2), list(
    tensor(rbind(c(0.5, -0.5, 0.25, 1), c(-0.25, 0.75, 0.5, -1))), tensor(rep(0, 4)), tensor(cbind(c(0.5, -0.5, 0.25, 0.75))), tensor(0, 1)))
  data <- list(feed(X, tensor(rbind(c(0, 0), c(0, 1), c(1, 0), c(1, 1)))), feed(Y, tensor(cbind(c(0, 1, 1, 0)))))
  before <- loss(session, data)
  replies <- call_stream(paste0("/", session, ":train"), list(
    data = data, batchSize = 2, roots = list(list(value = LOSS)), optimizer = list(adam = list(learningRate = 0.05)), steps = 100))
  applied <- replies[[length(replies)]]$result$steps
  cat(sprintf("perceptron: loss %.6f, after %s steps on the server %.6f\n", before, applied, loss(session, data)))
}

# 16 MB up, used where they are, and their gradient back: that of sum(x^2)/2 is x.
chunked_tensor <- function(session) {
  values <- (seq_len(2^21) - 1) %% 1000
  define(session, "sum(x*x) / 2", bind("x", X, NA))
  reply <- backward(session, list(feed(X, list(handle = upload(session, values)))), X, gradientsAsHandles = TRUE)
  same <- identical(download(session, reply$gradients[[1]]$tensor$handle), values)
  cat(sprintf("chunked tensor: %d bytes, energy %.1f, gradient %s\n", 8 * length(values), numbers(reply$values[[1]]$tensor), if (same) "equal" else "different"))
}

# Moves a vector in chunks; the handle may be fed in its place.
upload <- function(session, x) {
  all <- bytes(x)
  reply <- call(paste0("/", session, ":uploadChunk"), list(header = list(dataType = "DATA_TYPE_FLOAT64", shape = list(as.character(length(x))))))
  for (offset in seq(0, length(all) - 1, chunk_bytes)) {
    data <- all[(offset + 1):min(offset + chunk_bytes, length(all))]
    reply <- call(paste0("/", session, ":uploadChunk"), list(upload = reply$upload, chunk = list(offset = format(offset, scientific = FALSE), data = encode(data))))
  }
  reply$handle
}

download <- function(session, handle) {
  replies <- call_stream(paste0("/", session, ":downloadTensor"), list(handle = handle))
  decode(unlist(lapply(replies[-1], function(r) base64_dec(r$chunk$data)))) # The first has the type and shape.
}

# A ReLU whose derivative at 0 is 1: the function carries its gradient as data.
custom_gradient <- function(session) {
  define(session, "
    def slope(x, g) { return where(x < 0, 0, g) }
    def ramp(x) gradient slope(x) { return relu(x) }
    $10 = sum(relu(x))
    sum(ramp(x))", bind("x", X, 3))
  gradients <- sapply(c(LOSS, OTHER), function(root) numbers(backward(session, list(feed(X, tensor(c(-1, 0, 2)))), X, root)$gradients[[1]]$tensor))
  cat(do.call(sprintf, c("custom gradient: %g %g %g, built-in %g %g %g\n", as.list(gradients))))
}

errors <- function(session) {
  define(session, "x + y", bind("x", X, NA), bind("y", Y, NA))
  tryCatch(
    loss(session, list(feed(X, tensor(1:2)), feed(Y, tensor(1:3)))),
    gradients_error = function(e) cat(sprintf("error: %s, op %s, shapes %s\n", e$reason, e$metadata$op, e$metadata$shapes)))
  tryCatch(
    call(paste0("/", session, ":applyGradients"), list(optimizer = list(sgd = list(learningRate = -1)))),
    gradients_error = function(e) cat(sprintf("error: %s, fields %s\n", e$reason, paste(e$fields, collapse = ", "))))
}

for (part in list(linear_regression, perceptron, chunked_tensor, custom_gradient, errors)) {
  session <- call("/sessions", setNames(list(), character()))$session$name
  tryCatch(part(session), finally = call(paste0("/", session), method = "DELETE"))
}
