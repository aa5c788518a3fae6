/* A shim in front of SoftHSM, for what SoftHSM cannot do: it forwards every call, but for those that a file names
 * with the code that they return instead ("C_Sign 32", in hexadecimal: CKR_DEVICE_REMOVED). Each call of C_Login is noted in
 * the other file, without its PIN.
 *
 * SHIM_MODULE: the module to forward to. SHIM_FAULTS: the file of faults, read at each call. SHIM_LOGINS: the notes.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long CK_RV;
typedef unsigned long CK_ULONG;
/* CK_FUNCTION_LIST of PKCS#11 2.40: a version, and 68 functions in the order of the standard. */
typedef struct {
    unsigned char version[2];
    void *calls[68];
} FunctionList;

enum { GET_TOKEN_INFO = 6, OPEN_SESSION = 12, LOGIN = 18, SIGN_INIT = 42, SIGN = 43 };
enum { GENERAL_ERROR = 5, FLAGS_AT = 96 };

static FunctionList own;
static FunctionList *real;

static CK_RV fault(const char *call) {
    char name[64];
    unsigned long code = 0, found = 0;
    const char *path = getenv("SHIM_FAULTS");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return 0;
    while (fscanf(file, "%63s %lx", name, &code) == 2)
        if (strcmp(name, call) == 0) found = code;
    fclose(file);
    return found;
}

static CK_RV get_token_info(CK_ULONG slot, void *info) {
    CK_RV code = ((CK_RV (*)(CK_ULONG, void *))real->calls[GET_TOKEN_INFO])(slot, info);
    /* Flags that a token raises are the fault's value here: CKF_USER_PIN_LOCKED and the like. */
    CK_RV failing = fault("C_GetTokenInfo");
    if (code == 0) *(CK_ULONG *)((char *)info + FLAGS_AT) |= fault("token-flags");
    return failing ? failing : code;
}

static CK_RV open_session(CK_ULONG slot, CK_ULONG flags, void *data, void *notify, CK_ULONG *session) {
    CK_RV code = fault("C_OpenSession");
    if (code) return code;
    return ((CK_RV (*)(CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *))real->calls[OPEN_SESSION])(
        slot, flags, data, notify, session);
}

static CK_RV login(CK_ULONG session, CK_ULONG user, char *pin, CK_ULONG size) {
    const char *path = getenv("SHIM_LOGINS");
    FILE *file = path ? fopen(path, "a") : NULL;
    CK_RV code = fault("C_Login");
    if (file) {
        fprintf(file, "login %lu\n", user);
        fclose(file);
    }
    if (code) return code;
    return ((CK_RV (*)(CK_ULONG, CK_ULONG, char *, CK_ULONG))real->calls[LOGIN])(session, user, pin, size);
}

static CK_RV sign_init(CK_ULONG session, void *mechanism, CK_ULONG key) {
    CK_RV code = fault("C_SignInit");
    if (code) return code;
    return ((CK_RV (*)(CK_ULONG, void *, CK_ULONG))real->calls[SIGN_INIT])(session, mechanism, key);
}

static CK_RV sign(CK_ULONG session, void *data, CK_ULONG size, void *signature, CK_ULONG *length) {
    CK_RV code = fault("C_Sign");
    CK_RV done = ((CK_RV (*)(CK_ULONG, void *, CK_ULONG, void *, CK_ULONG *))real->calls[SIGN])(
        session, data, size, signature, length);
    return code ? code : done;
}

CK_RV C_GetFunctionList(FunctionList **list) {
    CK_RV (*get)(FunctionList **);
    const char *path = getenv("SHIM_MODULE");
    void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!module) return GENERAL_ERROR;
    get = (CK_RV(*)(FunctionList **))dlsym(module, "C_GetFunctionList");
    if (!get || get(&real)) return GENERAL_ERROR;
    own = *real;
    own.calls[GET_TOKEN_INFO] = (void *)get_token_info;
    own.calls[OPEN_SESSION] = (void *)open_session;
    own.calls[LOGIN] = (void *)login;
    own.calls[SIGN_INIT] = (void *)sign_init;
    own.calls[SIGN] = (void *)sign;
    *list = &own;
    return 0;
}
